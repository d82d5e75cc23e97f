//! What `rseqctl doctor` takes.

use std::time::Duration;

use clap::Args;

use super::common::FleetArgs;
use crate::commands::doctor;
use crate::report::choices::{FailOn, ReportFormat};

/// What `rseqctl doctor` takes.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  rseqctl doctor                              what is wrong here, and what to do next
  rseqctl doctor --verbose                    everything that was tried, too
  rseqctl doctor --format json --fail-on warning

Exit status: 0 nothing found at or above --fail-on, 1 something found, 2 usage error, 3 not \
everything could be tested (and nothing was found in the rest).")]
pub(super) struct DoctorArgs {
    /// How to print what was found
    #[arg(long, value_enum, default_value_t = ReportFormat::Human)]
    format: ReportFormat,
    /// Exit with 1 from this level of verdict on
    #[arg(long, value_enum, default_value_t = FailOn::Error, value_name = "LEVEL")]
    fail_on: FailOn,
    /// Show everything that was tried, for people
    #[arg(long, short)]
    verbose: bool,
    /// How long the self-test may take; more for emulated machines
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..=120))]
    seconds: u8,
    /// The host's keys
    #[command(flatten)]
    fleet: FleetArgs,
}

impl From<DoctorArgs> for doctor::DoctorRequest {
    fn from(args: DoctorArgs) -> Self {
        Self {
            format: args.format,
            fail_on: args.fail_on,
            verbose: args.verbose,
            limit: Duration::from_secs(args.seconds.into()),
            fleet: args.fleet.into(),
        }
    }
}
