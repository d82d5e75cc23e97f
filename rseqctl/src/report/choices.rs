//! How a report is printed, and which findings make the command fail.

use clap::ValueEnum;
use tls_model::rules::Level;

/// Output formats of `ps`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum PsFormat {
    /// For people
    Human,
    /// One JSON document: the processes, what could not be looked at, the counts
    Json,
    /// One JSON object per line and process
    Ndjson,
}

/// Output formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    Human,
    /// One JSON document: the objects, what could not be read, the counts
    Json,
    /// One JSON object per line and file
    Ndjson,
    /// SARIF 2.1.0, for code scanning services
    Sarif,
}

/// Output formats of what is no list of files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ReportFormat {
    /// For people
    Human,
    /// One JSON document
    Json,
    /// One JSON object per line
    Ndjson,
}

/// Output formats of `rseqctl run --dry-run`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum RunFormat {
    /// For people
    Human,
    /// One JSON document
    Json,
}

/// Threshold for exit status 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FailOn {
    /// Errors only
    Error,
    /// Warnings and errors
    Warning,
    /// Any finding
    Note,
    /// Never
    Never,
}

impl FailOn {
    /// Returns the least level that counts, if any does.
    #[must_use]
    pub const fn level(self) -> Option<Level> {
        match self {
            Self::Error => Some(Level::Error),
            Self::Warning => Some(Level::Warning),
            Self::Note => Some(Level::Note),
            Self::Never => None,
        }
    }
}
