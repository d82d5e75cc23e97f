//! `rseqctl audit`: which objects define or use `__rseq_abi`, and how, in
//! files, trees, packages and images.
//!
//! Exit statuses: 1 (findings at or above `--fail-on`) wins over 3 (some inputs
//! could not be read), because what was not read could only add findings; 2
//! stands for nothing read at all.
//!
//! # As a library
//!
//! [`audit`] hands every object that has something to say to the caller, in the
//! order of names, while it goes on; nothing is kept.
//!
//! ```
//! use rseqctl::audit::{Event, Options, audit};
//!
//! let program = std::env::current_exe()?;
//! let options = Options { all: true, ..Options::default() };
//! let mut paths = Vec::new();
//! let tally = audit(&[program.clone()], &options, &mut |event| match event {
//!     Event::Object(row) => {
//!         for (rule, level, message) in row.findings() {
//!             println!("{}: {}: {message} [{rule}]", row.path().display(), level.name());
//!         }
//!         paths.push(row.path().to_owned());
//!     }
//!     Event::Problem { path, problem } => eprintln!("{}: {problem}", path.display()),
//!     _ => {}
//! });
//! assert_eq!((tally.objects, paths), (1, vec![program]));
//! # Ok::<(), std::io::Error>(())
//! ```

mod baseline;
mod container;
mod engine;
mod folder;
mod inspect;
mod mounts;
mod problem;
mod program;
mod progress;
mod report;
mod row;
mod tally;
pub(crate) mod text;
mod tree;
mod walk;

use std::io::{self, BufWriter, ErrorKind, Write};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::thread;

use tls_model::elf::Source;

use crate::cli::AuditArgs;
use crate::exit::Status;
use crate::program::Search;
use crate::sys::heap;

pub use crate::source::FileSource;
pub use baseline::Baseline;
pub use container::{Exceeded, Limits};
pub use problem::Problem;
pub(crate) use program::RunRow;
pub use program::audit_program;
pub use report::{Document, Report};
pub use row::Row;
pub use tally::Tally;

use progress::Progress;

/// More threads than this wait for the disk and for each other.
const MOST_THREADS: usize = 8;

/// How an audit is to be done.
#[derive(Clone, Debug)]
pub struct Options {
    /// Tell of objects that have nothing to do with rseq, too.
    pub all: bool,
    /// Threads that look at files.
    pub threads: NonZeroUsize,
    /// What containers may unpack to.
    pub limits: Limits,
    /// Findings that do not count.
    pub baseline: Baseline,
}

impl Default for Options {
    /// Objects with something to say only, a thread per processor (eight at
    /// most), the default limits, no baseline.
    fn default() -> Self {
        let threads = thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        Self {
            all: false,
            threads: NonZeroUsize::new(MOST_THREADS).map_or(threads, |most| threads.min(most)),
            limits: Limits::default(),
            baseline: Baseline::default(),
        }
    }
}

/// What an audit has to tell.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// An object with something to say.
    Object(&'a Row),
    /// An input that could not be used, or not in full.
    Problem {
        /// Its path, or where it stands in a container.
        path: &'a Path,
        /// What is wrong with it.
        problem: &'a Problem,
    },
    /// Nothing new; what was counted so far.
    Progress(&'a Tally),
}

/// Audits files, trees, packages and images.
///
/// Events come sorted by the bytes of the path, each path once, the members of
/// a container together after it, and the same for the same input. Memory is
/// taken for the folders on the way and for what is said about the files that
/// are looked at, not for what was walked.
pub fn audit(paths: &[PathBuf], options: &Options, sink: &mut dyn FnMut(Event<'_>)) -> Tally {
    engine::run(paths, options, sink)
}

/// Audits something that is in memory: an object, a package or an image, as if
/// it was a file of that name. No file is opened, and large members are kept
/// in a temporary file without a name.
///
/// ```
/// use std::path::Path;
/// use rseqctl::audit::{Event, Options, audit_bytes};
///
/// let bytes = std::fs::read(std::env::current_exe()?)?;
/// let options = Options::default();
/// let tally = audit_bytes(Path::new("upload"), &bytes, &options, &mut |event| {
///     if let Event::Object(row) = event {
///         println!("{}", row.path().display());
///     }
/// });
/// assert_eq!((tally.objects, tally.problems), (1, 0));
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn audit_bytes(
    path: &Path,
    bytes: &[u8],
    options: &Options,
    sink: &mut dyn FnMut(Event<'_>),
) -> Tally {
    audit_source(path, &bytes, bytes.len() as u64, options, sink)
}

/// Audits something of `len` bytes that can be read at any offset, as
/// [`audit_bytes`] does: what stands in a database or behind a network, say.
pub fn audit_source(
    path: &Path,
    source: &dyn Source,
    len: u64,
    options: &Options,
    sink: &mut dyn FnMut(Event<'_>),
) -> Tally {
    engine::run_source(path, source, len, options, sink)
}

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
            audit_program(program, &args.paths, &search, &options, sink)
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
