//! How a command is started.

use std::path::PathBuf;
use std::time::Duration;

/// What is done besides starting the command.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Manner {
    /// Nothing stays between the caller and the command; a process of its own may
    /// look for a moment whether the decision holds.
    Exec(Verification),
    /// This process stays as the parent, and writes a report to this place at the
    /// end: a file, `-` for standard output, `stderr`, or `fd:NUMBER`.
    Report(PathBuf, Verification),
}

/// Whether a process checks if the decision holds in the running command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verification {
    /// Yes, and good news is reported as well.
    Always(Watch),
    /// Where the libc was switched off; only what is not as decided is reported.
    WhereItMatters,
    /// No.
    Never,
}

/// How that process looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Watch {
    /// How long to wait for a registration.
    pub patience: Duration,
    /// A command that does not come out as decided is ended with SIGTERM.
    pub is_fatal: bool,
}

impl Default for Watch {
    fn default() -> Self {
        Self {
            patience: Duration::from_secs(3),
            is_fatal: false,
        }
    }
}
