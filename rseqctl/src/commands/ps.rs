//! `rseqctl ps`.
//!
//! Exit statuses as for the audit: 1 (findings at or above `--fail-on`) wins
//! over 3 (some processes could not be looked at), 2 stands for none at all.
//! A process that ends while it is looked at, a thread that has ended or that
//! a debugger holds, is told and is no failure.

use std::io::{self, BufWriter, ErrorKind, IsTerminal, Write};
use std::thread::sleep;
use std::time::Duration;

use crate::cli::PsArgs;
use crate::exit::Status;
use crate::process::{Event, Files, Options, Report, Style, Tally, look};
use crate::sys::terminal;

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
    let style = Style {
        format: args.format,
        verbose: args.verbose,
        is_named: !args.pids.is_empty(),
    };
    let mut report = Report::new(style, args.fleet.host("ps"), out);
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
    let (rows, columns) = terminal::size().unwrap_or((24, 80));
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
