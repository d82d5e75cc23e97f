//! The columns of the table for people.

use clap::ValueEnum;

use crate::report::Column;

/// A column of the table of processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[non_exhaustive]
pub enum PsColumn {
    /// Process id
    Pid,
    /// Effective user id
    User,
    /// Unit of systemd
    Unit,
    /// Who owns the registration of its threads
    Owner,
    /// Threads with a registration, of all threads
    Registered,
    /// Bytes that were registered
    Length,
    /// How the kernel keeps the area
    Mode,
    /// Name, as the kernel has it
    Name,
    /// Command line
    Program,
    /// Rules with a finding
    Findings,
}

impl PsColumn {
    /// The columns where none are chosen.
    pub const DEFAULT: [Self; 6] = [
        Self::Pid,
        Self::Owner,
        Self::Registered,
        Self::Length,
        Self::Mode,
        Self::Program,
    ];

    /// Returns its heading.
    #[must_use]
    pub const fn heading(self) -> &'static str {
        match self {
            Self::Pid => "PID",
            Self::User => "USER",
            Self::Unit => "UNIT",
            Self::Owner => "OWNER",
            Self::Registered => "REGISTERED",
            Self::Length => "LENGTH",
            Self::Mode => "MODE",
            Self::Name => "NAME",
            Self::Program => "PROGRAM",
            Self::Findings => "FINDINGS",
        }
    }

    pub(super) const fn column(self) -> Column {
        Column {
            name: self.heading(),
            is_number: matches!(
                self,
                Self::Pid | Self::User | Self::Registered | Self::Length
            ),
        }
    }
}
