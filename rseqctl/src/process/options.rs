//! How processes are inspected.

/// How to inspect processes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Stop no thread: report what /proc alone tells.
    pub no_stop: bool,
    /// Report how long each thread was stopped.
    pub verbose: bool,
}
