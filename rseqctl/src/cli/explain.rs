//! What `rseqctl explain` takes.

use clap::Args;

use crate::commands::explain;
use crate::report::choices::DocumentFormat;

/// What `rseqctl explain` takes.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  rseqctl explain                             every word that a report may use
  rseqctl explain hidden-definer
  rseqctl explain client --format json

Exit status: 0 explained, 2 there is no such word.")]
pub(super) struct ExplainArgs {
    /// The rule, verdict or word of a report; without one all are listed
    #[arg(value_name = "WORD")]
    word: Option<String>,
    /// How to print
    #[arg(long, value_enum, default_value_t = DocumentFormat::Human)]
    format: DocumentFormat,
}

impl From<ExplainArgs> for explain::ExplainRequest {
    fn from(args: ExplainArgs) -> Self {
        Self {
            word: args.word,
            format: args.format,
        }
    }
}
