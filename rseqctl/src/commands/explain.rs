//! `rseqctl explain`.

use std::io::{self, ErrorKind, Write};

use crate::cli::ExplainArgs;
use crate::exit::Status;
use crate::report::explain::{explain, find, list};

/// Runs the subcommand.
#[must_use]
pub fn main(args: &ExplainArgs) -> Status {
    let mut out = io::stdout().lock();
    let (written, status) = match args.rule.as_deref() {
        None => (list(&mut out), Status::Clean),
        Some(name) => match find(name) {
            Some(entry) => (explain(entry, &mut out), Status::Clean),
            None => (unknown(name, &mut io::stderr()), Status::Nothing),
        },
    };
    match written {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            // nobody is left to tell where standard error is gone
            let _ = writeln!(io::stderr(), "rseqctl: standard output: {error}");
            Status::Nothing
        }
        Ok(()) | Err(_) => status,
    }
}

fn unknown(name: &str, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "rseqctl: no rule or verdict {name:?}; there are:")?;
    list(out)
}
