//! What `rseqctl run` takes.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use tls_model::owner::Mode;

use super::common::seconds;
use crate::commands::run;
use crate::commands::run::Then;
use crate::launch::{Manner, Settings, Verification, Watch};
use crate::report::choices::DocumentFormat;

/// What `rseqctl run` takes.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  rseqctl run -- mongod --config /etc/mongod.conf
  rseqctl run --dry-run -- mongod             only say what would be done
  rseqctl run --report - -- sort big.txt      say at the end who owned the registration

Exit status: that of the command; 125 where rseqctl itself fails or refuses, 126 and 127 as env(1).

A systemd service (systemctl edit NAME):
  [Service]
  ExecStart=
  ExecStart=/usr/local/bin/rseqctl run -- PROGRAM ARGUMENT...

A container image:
  ENTRYPOINT [\"/opt/rseq/rseqctl\", \"run\", \"--\", \"PROGRAM\"]")]
pub(super) struct RunArgs {
    /// Who is to own the registration [default: RSEQ_SHIM_MODE, else auto]
    #[arg(long, value_parser = modes())]
    mode: Option<Mode>,
    /// Tell at the end, as JSON, who owned the registration and what was counted: in a file,
    /// on standard output (-), on standard error (stderr), or on an open descriptor (fd:NUMBER)
    #[arg(long, value_name = "PLACE")]
    report: Option<PathBuf>,
    /// Print the decision and start nothing
    #[arg(long)]
    dry_run: bool,
    /// How --dry-run prints
    #[arg(long, value_enum, default_value_t = DocumentFormat::Human, requires = "dry_run")]
    format: DocumentFormat,
    /// Say whether the decision holds in the running command [default: only where the libc was
    /// switched off, and only what is not as decided]; wait this many seconds for a registration
    /// [default: 3]
    #[arg(
        long,
        value_name = "SECONDS",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "3",
        value_parser = seconds,
        conflicts_with = "no_verify"
    )]
    verify: Option<Duration>,
    /// End the command with SIGTERM where the decision does not hold
    #[arg(long, requires = "verify")]
    fatal: bool,
    /// Do not check whether the decision holds
    #[arg(long)]
    no_verify: bool,
    /// Start what would corrupt memory on this kernel, too
    #[arg(long)]
    force: bool,
    /// A library that the command may load with dlopen: static TLS is kept for it
    #[arg(long, value_name = "LIBRARY")]
    may_load: Vec<PathBuf>,
    /// The command and its arguments
    #[arg(required = true, trailing_var_arg = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

/// The words of `--mode`.
pub(super) fn modes() -> impl TypedValueParser<Value = Mode> {
    PossibleValuesParser::new(Mode::ALL.map(Mode::name))
        .map(|word| Mode::from_name(word.as_bytes()).unwrap_or_default())
}

impl From<RunArgs> for run::RunRequest {
    fn from(args: RunArgs) -> Self {
        let mut command = args.command.into_iter();
        Self {
            // clap demands one
            program: command.next().unwrap_or_default(),
            arguments: command.collect(),
            settings: Settings {
                mode: args.mode,
                may_load: args.may_load,
                force: args.force,
                dry_run: args.dry_run,
            },
            then: {
                let verification = match args.verify {
                    Some(patience) => Verification::Always(Watch {
                        patience,
                        is_fatal: args.fatal,
                    }),
                    None if args.no_verify => Verification::Never,
                    None => Verification::WhereItMatters,
                };
                match (args.dry_run, args.report) {
                    (true, _) => Then::Tell(args.format),
                    (false, Some(place)) => Then::Start(Manner::Report(place, verification)),
                    (false, None) => Then::Start(Manner::Exec(verification)),
                }
            },
        }
    }
}
