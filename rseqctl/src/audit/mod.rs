//! Which objects define or use `__rseq_abi`, and how, in
//! files, trees, packages and images.
//!
//! # As a library
//!
//! [`audit`] hands every object that has something to report to the caller, in the
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

mod budget;
mod container;
mod engine;
mod event;
mod folder;
mod found;
mod inspect;
mod mounts;
mod object;
mod options;
mod outcome;
mod pick;
mod problem;
mod program;
mod program_row;
mod report;
mod row;
mod tally;
mod tree;
mod walk;

use std::path::{Path, PathBuf};

use tls_model::elf::Source;

pub use crate::program::FileSource;

pub use budget::{Exceeded, Limits};
pub use event::{Event, UnusedInput};
pub use options::Options;
pub use pick::Pick;
pub use problem::Problem;
pub use program::audit_program;
pub use report::{AuditWriter, Document};
pub use row::{Class, Row, SectionRow, SymbolRow};
pub use tally::{FileCounts, Tally};

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
