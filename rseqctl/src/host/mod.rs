//! What this host does with rseq, by looking and by trying.
//!
//! Verdicts come from what was seen, never from a version number: kernels and
//! libcs are patched, filtered and emulated.

mod facts;
mod judge;
mod report;

use std::time::Duration;

use crate::kernel::{Extent, self_test};

pub use facts::{Auxv, Facts, Kernel, Libc, PRELOAD_FILE, Preloaded, Seccomp};
pub use judge::{Verdict, judge};
pub use report::Report;

/// Looks at this host; the self-test ends within `limit`.
#[must_use]
pub fn look(limit: Duration) -> Report {
    let facts = Facts::here();
    let self_test = self_test(Extent::Whole, limit);
    let verdicts = judge(&facts, &self_test);
    Report {
        facts,
        self_test,
        verdicts,
    }
}
