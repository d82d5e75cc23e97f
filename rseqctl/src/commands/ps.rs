//! `rseqctl ps`.
//!
//! Exit statuses as for the audit: 1 (findings at or above `--fail-on`) wins
//! over 3 (some processes could not be looked at), 2 stands for none at all.
//! A process that ends while it is looked at, a thread that has ended or that
//! a debugger holds, is reported and is no failure.

use std::io::{self, IsTerminal, Write};
use std::thread::sleep;
use std::time::Duration;

use crate::error::Error;
use crate::exit::Status;
use crate::process::{
    Event, Files, Options, ProcessWriter, Style, Tally, UnusedProcess, inspect_processes,
};
use crate::report::choices::FailOn;
use crate::report::{Fleet, Reporter, StandardOutput, complain};
use crate::sys::terminal;

/// The checked arguments.
#[derive(Clone, Debug)]
pub struct PsRequest {
    /// The processes; without one all of them.
    pub pids: Vec<u32>,
    /// How to inspect processes.
    pub options: Options,
    /// How to print.
    pub style: Style,
    /// What makes the exit status 1.
    pub fail_on: FailOn,
    /// How long to wait before each further inspection.
    pub watch: Option<Duration>,
    /// Whether rows carry the host's keys.
    pub fleet: Fleet,
}

pub(super) fn run(request: &PsRequest, out: &mut StandardOutput) -> Result<Status, Error> {
    let mut files = Files::default();
    loop {
        let mut text = Vec::new();
        let tally = once(request, &mut files, &mut text)?;
        if request.watch.is_some() && io::stdout().is_terminal() {
            text = screen(&text);
        }
        out.write_all(&text)
            .and_then(|()| out.flush())
            .map_err(Error::Output)?;
        match request.watch {
            Some(pause) if !out.is_closed() => sleep(pause),
            _ => return Ok(tally.status(request.fail_on)),
        }
    }
}

/// Inspects the processes once and writes the report to `out`.
fn once(request: &PsRequest, files: &mut Files, out: &mut Vec<u8>) -> Result<Tally, Error> {
    let host = request.fleet.host(Reporter::Ps);
    let mut report = ProcessWriter::new(request.style, host, out);
    let mut written = report.begin();
    let tally = inspect_processes(&request.pids, request.options, files, &mut |event| {
        let next = match event {
            Event::Row(row) => report.process(row),
            Event::Problem(UnusedProcess { pid, problem, .. }) => {
                complain(format_args!("process {pid}: {problem}"));
                report.problem(pid, problem);
                Ok(())
            }
            Event::Progress(_) => Ok(()),
        };
        if written.is_ok() {
            written = next;
        }
    })
    .map_err(Error::Processes)?;
    written
        .and_then(|()| report.finish(&tally))
        .map_err(Error::Output)?;
    Ok(tally)
}

/// Returns a terminal's screen: from its first line on, what does not fit left out.
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
