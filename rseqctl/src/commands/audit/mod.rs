//! `rseqctl audit`.
//!
//! Exit statuses: 1 (findings at or above `--fail-on`) wins over 3 (some inputs
//! could not be read), because what was not read could only add findings; 2
//! stands for nothing read at all.

mod paths;
mod progress;

use std::io::{self, Write};
use std::num::NonZeroUsize;
use std::path::PathBuf;

pub use paths::PathList;
use progress::Progress;

use crate::audit::{AuditWriter, Event, Options, Pick, UnusedInput, audit, audit_program};
use crate::error::Error;
use crate::exit::Status;
use crate::launch;
use crate::program::Search;
use crate::report::choices::{FailOn, Format};
use crate::report::{Baseline, Filter, Fleet, Reporter, Screen, StandardOutput, complain, text};
use crate::sys::heap;

/// The checked arguments.
#[derive(Clone, Debug)]
pub struct AuditRequest {
    /// What is audited.
    pub subject: Subject,
    /// How to print.
    pub format: Format,
    /// What makes the exit status 1.
    pub fail_on: FailOn,
    /// Report objects that have nothing to do with rseq, too.
    pub all: bool,
    /// Which files of trees are audited.
    pub pick: Pick,
    /// How many files are read at the same time, where that was asked for.
    pub jobs: Option<NonZeroUsize>,
    /// Print no report.
    pub quiet: bool,
    /// A list of more paths.
    pub more: Option<PathList>,
    /// Which findings are reported.
    pub filter: Filter,
    /// An earlier report, whose findings do not count.
    pub baseline: Option<PathBuf>,
    /// Whether rows carry the host's keys.
    pub fleet: Fleet,
}

/// What is audited.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// Files, packages, images, or trees to walk.
    Paths(Vec<PathBuf>),
    /// A whole program.
    Program {
        /// Its file.
        program: PathBuf,
        /// The folder that is its `/`.
        root: Option<PathBuf>,
        /// What it may `dlopen`.
        may_load: Vec<PathBuf>,
    },
}

pub(super) fn run(request: &AuditRequest, out: &mut StandardOutput) -> Result<Status, Error> {
    // the program's, and so not for a library to choose
    heap::keep_large_blocks_apart();
    let baseline = match &request.baseline {
        None => Baseline::default(),
        Some(path) => Baseline::read(path).map_err(|source| Error::Baseline {
            path: path.clone(),
            source,
        })?,
    };
    if let Subject::Program {
        root: Some(root), ..
    } = &request.subject
        && !root.is_dir()
    {
        return Err(Error::NoSuchRoot(root.clone()));
    }
    let mut options = Options {
        all: request.all,
        pick: request.pick.clone(),
        filter: Filter {
            baseline,
            ..request.filter.clone()
        },
        ..Options::default()
    };
    if let Some(jobs) = request.jobs {
        options.threads = jobs;
    }
    let more = request.more.as_ref().map(PathList::read).transpose()?;
    let more = more.unwrap_or_default();
    let mut progress = Progress::new(request.quiet);
    let host = request.fleet.host(Reporter::Audit);
    let mut report = UpToError(AuditWriter::new(
        request.format,
        host,
        Screen::standard_output(),
        silenced(out, request.quiet),
    ));
    // what a whole program comes to is said before its objects
    let is_program = matches!(request.subject, Subject::Program { .. });
    let mut held = Vec::new();
    let sink = &mut |event: Event<'_>| match event {
        Event::Row(row) if is_program => held.push(row.clone()),
        Event::Row(row) => {
            progress.clear();
            report.write(|report| report.object(row));
            if progress.is_enabled() {
                report.write(AuditWriter::flush);
            }
        }
        Event::Problem(UnusedInput { path, problem, .. }) => {
            progress.clear();
            complain(format_args!("{}: {problem}", text::printable(path)));
            report.write(|report| {
                report.problem(path, problem);
                Ok(())
            });
        }
        Event::Progress(tally) => progress.tick(tally),
    };
    let tally = match &request.subject {
        Subject::Paths(paths) => audit(&[&paths[..], &more].concat(), &options, sink),
        Subject::Program {
            program,
            root,
            may_load,
        } => {
            let search = root
                .as_deref()
                .map_or_else(Search::of_this_process, Search::in_root);
            let program = match root {
                None => launch::locate(program),
                Some(_) => program.clone(),
            };
            let may_load = [&may_load[..], &more].concat();
            audit_program(
                &program,
                &may_load,
                &search,
                &options,
                &launch::foresee,
                sink,
            )
        }
    };
    progress.clear();
    for row in &held {
        report.write(|report| report.verdict(row));
    }
    for row in &held {
        report.write(|report| report.object(row));
    }
    let written = report.0.and_then(|report| report.finish(&tally));
    written.map_err(Error::Output)?;
    Ok(tally.status(request.fail_on))
}

/// Returns where the report goes: nowhere, if it is not to be printed.
fn silenced(out: &mut StandardOutput, is_quiet: bool) -> Box<dyn Write + '_> {
    if is_quiet {
        Box::new(io::sink())
    } else {
        Box::new(out)
    }
}

/// A report up to the first error.
struct UpToError<W>(io::Result<AuditWriter<W>>);

impl<W: Write> UpToError<W> {
    fn write(&mut self, write: impl FnOnce(&mut AuditWriter<W>) -> io::Result<()>) {
        if let Ok(report) = &mut self.0
            && let Err(error) = write(report)
        {
            self.0 = Err(error);
        }
    }
}
