//! One inspection, and what it is to be about.

use std::path::PathBuf;
use std::time::Duration;

use crate::error::Error;
use crate::process::{
    Event, Files, Options, ProcessWriter, Selection, Style, Tally, UnusedProcess, inspect_processes,
};
use crate::report::choices::FailOn;
use crate::report::{Fleet, Reporter, complain};

/// The checked arguments.
#[derive(Clone, Debug)]
pub struct PsRequest {
    /// Which processes.
    pub selection: Selection,
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
    /// An earlier report, whose findings do not count.
    pub baseline: Option<PathBuf>,
    /// Command lines are never cut.
    pub full: bool,
}

/// Inspects the processes once and writes the report to `out`.
pub(super) fn once(
    request: &PsRequest,
    files: &mut Files,
    out: &mut Vec<u8>,
) -> Result<Tally, Error> {
    let host = request.fleet.host(Reporter::Ps);
    let mut report = ProcessWriter::new(request.style.clone(), host, out);
    let mut written = report.begin();
    let (selection, options) = (&request.selection, &request.options);
    let tally = inspect_processes(selection, options, files, &mut |event| {
        let next = match event {
            Event::Row(row) => report.process(row),
            Event::Problem(UnusedProcess { asked, problem, .. }) => {
                complain(format_args!("{asked}: {problem}"));
                report.problem(asked, problem);
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
