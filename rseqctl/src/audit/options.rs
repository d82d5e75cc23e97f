//! How an audit is to be done.

use std::num::NonZeroUsize;
use std::thread;

use super::budget::Limits;
use super::pick::Pick;
use crate::report::Filter;

/// More threads than this wait for the disk and for each other.
const MOST_THREADS: usize = 8;

/// How an audit is to be done.
#[derive(Clone, Debug)]
pub struct Options {
    /// Report objects that have nothing to do with rseq, too.
    pub all: bool,
    /// Which files of a tree are audited.
    pub pick: Pick,
    /// Threads that look at files.
    pub threads: NonZeroUsize,
    /// What containers may unpack to.
    pub limits: Limits,
    /// Which findings are reported, and which count.
    pub filter: Filter,
}

impl Default for Options {
    /// Returns the defaults: only objects with something to report, a thread per
    /// processor (eight at most), the default limits, all findings.
    fn default() -> Self {
        let threads = thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        Self {
            all: false,
            pick: Pick::default(),
            threads: NonZeroUsize::new(MOST_THREADS).map_or(threads, |most| threads.min(most)),
            limits: Limits::default(),
            filter: Filter::default(),
        }
    }
}
