//! What `rseqctl demo` takes.

use clap::Args;

use crate::commands::demo;

/// What `rseqctl demo` takes.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  rseqctl demo
  rseqctl demo --threads 100

Exit status: 0 every thread was registered by the shim, 2 not every one, or the program could not \
be run.")]
pub(super) struct DemoArgs {
    /// Number of threads
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=1000))]
    threads: u16,
}

impl From<DemoArgs> for demo::DemoRequest {
    fn from(args: DemoArgs) -> Self {
        Self {
            threads: args.threads,
        }
    }
}
