//! The exit statuses of the command: its contract with scripts.

use std::process::ExitCode;

/// How a subcommand other than `run` ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// 0: everything was read, nothing at or above the threshold was found.
    Clean,
    /// 1: findings at or above `--fail-on`.
    Findings,
    /// 2: usage error, or nothing could be read.
    Nothing,
    /// 3: done, but some inputs could not be read.
    Partial,
}

impl From<Status> for ExitCode {
    fn from(status: Status) -> Self {
        Self::from(match status {
            Status::Clean => 0,
            Status::Findings => 1,
            Status::Nothing => 2,
            Status::Partial => 3,
        })
    }
}

/// `rseqctl run`: rseqctl itself failed.
pub const RUN_FAILED: u8 = 125;
/// `rseqctl run`: the command was found and cannot be executed (as env(1)).
pub const RUN_CANNOT_EXECUTE: u8 = 126;
/// `rseqctl run`: the command was not found (as env(1)).
pub const RUN_NOT_FOUND: u8 = 127;
