//! The command line: one source for parser and help.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::exit::Status;

#[derive(Debug, Parser)]
#[command(
    name = "rseqctl",
    version,
    about = "Who owns restartable sequences (rseq)"
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Say which objects define or use __rseq_abi, and how
    Audit(AuditArgs),
}

/// What `rseqctl audit` takes.
#[derive(Args, Debug)]
pub struct AuditArgs {
    /// How to print what was found
    #[arg(long, value_enum, default_value_t = Format::Human)]
    pub format: Format,
    /// Exit with 1 from this level of finding on
    #[arg(long, value_enum, default_value_t = FailOn::Error, value_name = "LEVEL")]
    pub fail_on: FailOn,
    /// List files that have nothing to do with rseq, too
    #[arg(long)]
    pub all: bool,
    /// Files, or trees to walk
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,
}

/// Output formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    Human,
    /// One JSON object per line and file
    Ndjson,
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

/// Parses the command line and runs what it asks for.
///
/// A usage error prints to standard error and exits with 2 (clap's own status).
#[must_use]
pub fn main() -> ExitCode {
    match Cli::parse().command {
        Command::Audit(args) => Status::from(crate::audit::main(&args)).into(),
    }
}
