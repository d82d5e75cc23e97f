//! How processes are looked at.

/// How to look.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Stop no thread: what /proc alone tells.
    pub no_stop: bool,
    /// Tell how long each thread stood still.
    pub verbose: bool,
}
