//! How an audit is to be done.

use std::num::NonZeroUsize;
use std::thread;

use super::baseline::Baseline;
use super::budget::Limits;

/// More threads than this wait for the disk and for each other.
const MOST_THREADS: usize = 8;

/// How an audit is to be done.
#[derive(Clone, Debug)]
pub struct Options {
    /// Report objects that have nothing to do with rseq, too.
    pub all: bool,
    /// Threads that look at files.
    pub threads: NonZeroUsize,
    /// What containers may unpack to.
    pub limits: Limits,
    /// Findings that do not count.
    pub baseline: Baseline,
}

impl Default for Options {
    /// Returns the defaults: only objects with something to report, a thread per
    /// processor (eight at most), the default limits, no baseline.
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
