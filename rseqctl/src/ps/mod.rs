//! `rseqctl ps`: who owns the registration of every thread of live processes.
//!
//! Each thread is stopped for some microseconds, one after the other: the
//! kernel tells a thread's registration to a tracer only, and of a stopped
//! thread only. Nothing is written into any process.
//!
//! Exit statuses as for the audit: 1 (findings at or above `--fail-on`) wins
//! over 3 (some processes could not be looked at), 2 stands for none at all.
//! A process that ends while it is looked at, a thread that has ended or that
//! a debugger holds, is told and is no failure.

mod area;
mod files;
mod image;
mod judge;
mod maps;
mod mode;
mod owner;
mod proc;
mod process;
mod report;
mod row;
mod tally;
mod thread;

use std::collections::BTreeSet;
use std::io::{self, BufWriter, ErrorKind, IsTerminal, Write};
use std::thread::sleep;
use std::time::Duration;

use crate::cli::PsArgs;
use crate::exit::Status;
use crate::host::Host;

pub use files::Files;
pub use row::{FindingRow, ObjectRow, Row, ThreadRow};
pub use tally::{Stops, Tally};

use mode::Kernel;
use process::Outcome;
use report::Report;

/// How to look.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Stop no thread: what /proc alone tells.
    pub no_stop: bool,
    /// Tell how long each thread stood still.
    pub verbose: bool,
}

/// What there is to tell.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A process.
    Process(&'a Row),
    /// A process that was named and could not be looked at; why.
    Problem {
        /// Its id.
        pid: u32,
        /// What is wrong with it.
        problem: &'a str,
    },
}

/// Looks at processes, each named one once, or at all but this one where none is
/// named, in the order of their ids. Threads of the kernel's are left out. What is read of `files` is
/// kept there for the next look.
///
/// # Errors
///
/// /proc cannot be read.
pub fn look(
    pids: &[u32],
    options: Options,
    files: &mut Files,
    sink: &mut dyn FnMut(Event<'_>),
) -> io::Result<Tally> {
    let this = std::process::id();
    let all: Vec<u32> = if pids.is_empty() {
        let mut all = proc::processes()?;
        all.remove(&this);
        all.into_iter().collect()
    } else {
        let mut named = BTreeSet::new();
        let pids = pids.iter().copied();
        pids.filter(|pid| named.insert(*pid)).collect()
    };
    files.begin_look();
    let mut tally = Tally::default();
    let kernel = if options.no_stop {
        Kernel::default()
    } else {
        Kernel::here()
    };
    for pid in all {
        let problem = match process::look(pid, files, options, kernel) {
            Outcome::Row(row, stops) => {
                tally.count(&row, &stops);
                sink(Event::Process(&row));
                continue;
            }
            Outcome::Gone | Outcome::Kernels if pids.is_empty() => continue,
            Outcome::Gone => "no such process; check the id".to_owned(),
            Outcome::Kernels => "a thread of the kernel's, which has no rseq".to_owned(),
            Outcome::Problem(problem) => problem,
        };
        tally.problems += 1;
        let problem = problem.as_str();
        sink(Event::Problem { pid, problem });
    }
    Ok(tally)
}

/// Runs the subcommand.
#[must_use]
pub fn main(args: &PsArgs) -> Status {
    match run(args) {
        Ok(status) => status,
        Err(message) => {
            // nobody is left to tell where standard error is gone
            let _ = writeln!(io::stderr(), "rseqctl: {message}");
            Status::Nothing
        }
    }
}

fn run(args: &PsArgs) -> Result<Status, String> {
    let mut files = Files::default();
    loop {
        let mut out = Vec::new();
        let tally = once(args, &mut files, &mut out)?;
        let status = tally.status(args.fail_on);
        let text = match (args.watch, io::stdout().is_terminal()) {
            (Some(_), true) => screen(&out),
            (Some(_), false) | (None, _) => out,
        };
        match write(&text) {
            // a reader that has seen enough is no error
            Err(error) if error.kind() == ErrorKind::BrokenPipe => return Ok(status),
            Err(error) => {
                return Err(format!(
                    "standard output: {error}; the report is not complete"
                ));
            }
            Ok(()) => {}
        }
        match args.watch {
            None => return Ok(status),
            Some(seconds) => sleep(Duration::from_secs_f64(seconds)),
        }
    }
}

/// One look, written down.
fn once(args: &PsArgs, files: &mut Files, out: &mut Vec<u8>) -> Result<Tally, String> {
    let options = Options {
        no_stop: args.no_stop,
        verbose: args.verbose,
    };
    let mut report = Report::new(args, args.fleet.host("ps"), out);
    let mut written = report.begin();
    let tally = look(&args.pids, options, files, &mut |event| {
        let next = match event {
            Event::Process(row) => report.process(row),
            Event::Problem { pid, problem } => {
                let _ = writeln!(io::stderr(), "rseqctl: process {pid}: {problem}");
                report.problem(pid, problem);
                Ok(())
            }
        };
        if written.is_ok() {
            written = next;
        }
    })
    .map_err(|error| format!("/proc: {error}; is it mounted?"))?;
    written
        .and_then(|()| report.finish(&tally))
        .map_err(|error| error.to_string())?;
    Ok(tally)
}

fn write(text: &[u8]) -> io::Result<()> {
    let mut out = BufWriter::new(io::stdout().lock());
    out.write_all(text)?;
    out.flush()
}

/// A terminal's screen: from its first line on, what does not fit left out.
fn screen(text: &[u8]) -> Vec<u8> {
    let (rows, columns) = crate::sys::terminal::size().unwrap_or((24, 80));
    let text = String::from_utf8_lossy(text);
    // home, and each line is cleared behind its text
    let mut screen = String::from("\x1b[H");
    for line in text.lines().take(rows.saturating_sub(1)) {
        screen.extend(line.chars().take(columns));
        screen.push_str("\x1b[K\n");
    }
    screen.push_str("\x1b[J");
    screen.into_bytes()
}

/// The keys of a host, for the report.
type Keys = Option<Host>;
