//! What `rseqctl audit` takes.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::Args;
use glob::{Pattern, PatternError};

use super::common::{FleetArgs, RuleArgs};
use crate::audit::Pick;
use crate::commands::audit;
use crate::report::choices::{FailOn, Format};

/// What `rseqctl audit` takes.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  rseqctl audit /usr/lib /opt --exclude debug
  rseqctl audit --program mongod
  find . -name '*.so' -print0 | rseqctl audit -0 --files-from -

Exit status: 0 nothing found at or above --fail-on, 1 something found, 2 usage error or nothing \
could be read, 3 some inputs could not be read (and nothing was found in the others).")]
pub(super) struct AuditArgs {
    /// How to print what was found
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
    /// Exit with 1 from this level of finding on
    #[arg(long, value_enum, default_value_t = FailOn::Error, value_name = "LEVEL")]
    fail_on: FailOn,
    /// List files that have nothing to do with rseq, too
    #[arg(long)]
    all: bool,
    /// The host's keys
    #[command(flatten)]
    fleet: FleetArgs,
    /// Do not count the findings of an earlier report (json or ndjson)
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,
    /// Which findings
    #[command(flatten)]
    rules: RuleArgs,
    /// Look at a whole program: the libraries that it starts with, whose
    /// `__rseq_abi` wins, what `rseqctl run` would do. PATHs are then what it may dlopen
    #[arg(long, value_name = "PROGRAM")]
    program: Option<PathBuf>,
    /// The folder that is the program's `/`, such as an unpacked image
    #[arg(long, value_name = "FOLDER", requires = "program")]
    root: Option<PathBuf>,
    /// Of trees, only files that match this pattern (`*.so*`; with a slash it is for the path)
    #[arg(long, value_name = "PATTERN", value_parser = pattern)]
    include: Vec<Pattern>,
    /// Of trees, no files and folders that match this pattern
    #[arg(long, value_name = "PATTERN", value_parser = pattern)]
    exclude: Vec<Pattern>,
    /// Read more paths from a file, one per line; - is standard input
    #[arg(long, value_name = "FILE")]
    files_from: Option<PathBuf>,
    /// Those paths end with a zero byte, as find -print0 writes them
    #[arg(short = '0', long = "null", requires = "files_from")]
    null: bool,
    /// How many files are read at the same time [default: one per processor, 8 at most]
    #[arg(short, long, value_name = "NUMBER", value_parser = clap::value_parser!(u16).range(1..=256))]
    jobs: Option<u16>,
    /// Print no report: the exit status tells
    #[arg(short, long)]
    quiet: bool,
    /// Files, packages, images, or trees to walk
    #[arg(required_unless_present_any = ["program", "files_from"], value_name = "PATH")]
    paths: Vec<PathBuf>,
}

/// Reads a pattern for names or paths.
pub(super) fn pattern(text: &str) -> Result<Pattern, PatternError> {
    // what shells' users end a folder's name with
    Pattern::new(text.trim_end_matches('/'))
}

impl From<AuditArgs> for audit::AuditRequest {
    fn from(args: AuditArgs) -> Self {
        let pick = Pick {
            include: args.include,
            exclude: args.exclude,
        };
        let subject = match args.program {
            None => audit::Subject::Paths(args.paths),
            Some(program) => audit::Subject::Program {
                program,
                root: args.root,
                may_load: args.paths,
            },
        };
        Self {
            subject,
            format: args.format,
            fail_on: args.fail_on,
            all: args.all,
            pick,
            jobs: args.jobs.and_then(|jobs| NonZeroUsize::new(jobs.into())),
            quiet: args.quiet,
            more: args.files_from.map(|path| audit::PathList {
                path,
                ends_with_zero: args.null,
            }),
            filter: args.rules.into(),
            baseline: args.baseline,
            fleet: args.fleet.into(),
        }
    }
}
