//! `rseqctl audit`.
//!
//! Exit statuses: 1 (findings at or above `--fail-on`) wins over 3 (some inputs
//! could not be read), because what was not read could only add findings; 2
//! stands for nothing read at all.

mod progress;

use std::io::{self, BufWriter, ErrorKind, Write};

use progress::Progress;

use crate::audit::{Baseline, Event, Options, Report, audit, audit_program};
use crate::cli::AuditArgs;
use crate::exit::Status;
use crate::launch;
use crate::program::Search;
use crate::report::text;
use crate::sys::heap;

/// Runs the subcommand.
#[must_use]
pub fn main(args: &AuditArgs) -> Status {
    // the program's, and so not for a library to choose
    heap::keep_large_blocks_apart();
    match run(args) {
        Ok(status) => status,
        Err(message) => {
            // nobody is left to tell where standard error is gone
            let _ = writeln!(io::stderr(), "rseqctl: {message}");
            Status::Nothing
        }
    }
}

fn run(args: &AuditArgs) -> Result<Status, String> {
    let baseline = match &args.baseline {
        None => Baseline::default(),
        Some(path) => {
            Baseline::read(path).map_err(|error| format!("{}: {error}", text::printable(path)))?
        }
    };
    if let Some(root) = args.root.as_deref().filter(|root| !root.is_dir()) {
        let root = text::printable(root);
        return Err(format!("--root {root}: no such folder; check the path"));
    }
    let options = Options {
        all: args.all,
        baseline,
        ..Options::default()
    };
    let mut progress = Progress::new();
    let out = BufWriter::new(io::stdout().lock());
    let mut report = Output(Report::new(args.format, args.fleet.host("audit"), out));
    let sink = &mut |event: Event<'_>| match event {
        Event::Object(row) => {
            progress.clear();
            report.write(|report| report.object(row));
            if progress.is_enabled() {
                report.write(Report::flush);
            }
        }
        Event::Problem { path, problem } => {
            progress.clear();
            let _ = writeln!(
                io::stderr(),
                "rseqctl: {}: {problem}",
                text::printable(path)
            );
            report.write(|report| {
                report.problem(path, problem);
                Ok(())
            });
        }
        Event::Progress(tally) => progress.tick(tally),
    };
    let tally = match &args.program {
        None => audit(&args.paths, &options, sink),
        Some(program) => {
            let search = match &args.root {
                None => Search::of_this_process(),
                Some(root) => Search::in_root(root),
            };
            audit_program(
                program,
                &args.paths,
                &search,
                &options,
                &launch::foresee,
                sink,
            )
        }
    };
    progress.clear();
    match report.0.and_then(|report| report.finish(&tally)) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(format!(
            "standard output: {error}; the report is not complete"
        )),
        // a reader that has seen enough is no error
        Ok(()) | Err(_) => Ok(tally.status(args.fail_on)),
    }
}

/// A report up to the first error.
struct Output<W>(io::Result<Report<W>>);

impl<W: Write> Output<W> {
    fn write(&mut self, write: impl FnOnce(&mut Report<W>) -> io::Result<()>) {
        if let Ok(report) = &mut self.0
            && let Err(error) = write(report)
        {
            self.0 = Err(error);
        }
    }
}
