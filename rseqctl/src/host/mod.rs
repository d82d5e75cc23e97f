//! What this host does with rseq, by reading its settings and by trying.
//!
//! Verdicts come from what was seen, never from a version number: kernels and
//! libcs are patched, filtered and emulated.
//!
//! # As a library
//!
//! [`inspect_host`] reads the settings, runs the self-test in child processes and
//! judges both.
//!
//! ```
//! use std::time::Duration;
//! use rseqctl::host::inspect_host;
//!
//! let report = inspect_host(Duration::from_secs(2));
//! for verdict in &report.verdicts {
//!     println!("{}: {} ({})", verdict.level, verdict.title, verdict.seen);
//! }
//! assert!(!report.verdicts.is_empty());
//! ```

mod facts;
mod judge;
mod report;
mod running;

use std::time::Duration;

use crate::kernel::{Extent, self_test};

pub use facts::{Auxv, Facts, Kernel, Libc, PRELOAD_FILE, Preloaded, Seccomp};
pub use judge::{Verdict, judge};
pub use report::HostReport;
pub use running::{Running, RunningProgram};

/// Inspects this host. The self-test ends within `limit`.
#[must_use]
pub fn inspect_host(limit: Duration) -> HostReport {
    let facts = Facts::here();
    let self_test = self_test(Extent::Whole, limit);
    let verdicts = judge(&facts, &self_test);
    HostReport {
        facts,
        self_test,
        verdicts,
        running: None,
    }
}
