//! Which objects define or use `__rseq_abi`, and how, in
//! files, trees, packages and images.
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
//!     Event::Row(row) => {
//!         for symbol in row.symbols() {
//!             println!("{}: {} {}", row.path().display(), symbol.role, symbol.name);
//!         }
//!         for finding in row.findings() {
//!             println!("{}: {} [{}]", finding.level, finding.message, finding.rule);
//!         }
//!         paths.push(row.path().to_owned());
//!     }
//!     Event::Problem(input) => eprintln!("{}: {}", input.path.display(), input.problem),
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
mod report;
mod row;
mod tally;
mod tree;
mod walk;

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::thread;

use tls_model::elf::Source;

pub use crate::program::FileSource;

pub use baseline::Baseline;
pub use container::{Exceeded, Limits};
pub use problem::Problem;
pub use program::audit_program;
pub use report::{Document, Report};
pub use row::{Class, Row, SectionRow, SymbolRow};
pub use tally::{FileCounts, Tally};

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
pub type Event<'a> = crate::report::Event<'a, Row, UnusedInput<'a>, Tally>;

/// An input that could not be used, or not in full.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct UnusedInput<'a> {
    /// Its path, or where it stands in a container.
    pub path: &'a Path,
    /// What is wrong with it.
    pub problem: &'a Problem,
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
///     if let Event::Row(row) = event {
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
