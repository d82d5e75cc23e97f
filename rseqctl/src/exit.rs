//! The exit statuses of the command: its contract with scripts.

use std::process::ExitCode;

use crate::sys::process;

/// How the command ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Status {
    /// 0: everything was read, nothing at or above the threshold was found.
    Clean,
    /// 1: findings at or above `--fail-on`.
    Findings,
    /// 2: usage error, or nothing could be read.
    Nothing,
    /// 3: done, but something asked for could not be read.
    Partial,
    /// `run`: the command's own status.
    Command(u8),
    /// `run`: a signal ended the command, and ends rseqctl as well.
    Signal(i32),
    /// 125, `run`: rseqctl itself failed or refused.
    RunFailed,
    /// 126, `run`: the command was found and cannot be executed (as env(1)).
    CannotExecute,
    /// 127, `run`: the command was not found (as env(1)).
    NotFound,
}

impl Status {
    /// Returns the number that a shell sees.
    ///
    /// ```
    /// use rseqctl::exit::Status;
    ///
    /// assert_eq!(Status::Findings.code(), 1);
    /// assert_eq!(Status::Signal(15).code(), 143);
    /// ```
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Clean => 0,
            Self::Findings => 1,
            Self::Nothing => 2,
            Self::Partial => 3,
            Self::Command(status) => status,
            Self::Signal(signal) => 128 + signal as u8,
            Self::RunFailed => 125,
            Self::CannotExecute => 126,
            Self::NotFound => 127,
        }
    }

    /// Returns the status for `main` to return; a signal ends the process here.
    #[must_use]
    pub fn exit_code(self) -> ExitCode {
        if let Self::Signal(signal) = self {
            process::die_by(signal);
        }
        ExitCode::from(self.code())
    }
}
