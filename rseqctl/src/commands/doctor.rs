//! `rseqctl doctor`.

use std::io::{self, ErrorKind, Write as _};
use std::time::Duration;

use crate::cli::DoctorArgs;
use crate::exit::Status;
use crate::host::{Report, Verdict, look};
use crate::kernel::{Behaviour, Rank, remember};
use crate::report::choices::FailOn;
use crate::report::verdict;

/// Runs the subcommand.
#[must_use]
pub fn main(args: &DoctorArgs) -> Status {
    let report = look(Duration::from_secs(args.seconds.into()));
    // for rseqctl run
    if let Some(behaviour) = Behaviour::of(&report.self_test) {
        remember(behaviour, Rank::Whole);
    }
    let host = args.fleet.host("doctor");
    let mut text = Vec::new();
    let written = report
        .write(args.format, args.verbose, host.as_ref(), &mut text)
        .and_then(|()| io::stdout().write_all(&text));
    match written {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            // nobody is left to tell where standard error is gone
            let _ = writeln!(io::stderr(), "rseqctl: standard output: {error}");
            Status::Nothing
        }
        Ok(()) | Err(_) => status(&report, args.fail_on),
    }
}

/// Verdicts win over holes in the self-test, which could only add some.
fn status(report: &Report, fail_on: FailOn) -> Status {
    let threshold = fail_on.level();
    let is_hit = report
        .verdicts
        .iter()
        .filter(|verdict| verdict.verdict != verdict::SELF_TEST_INCOMPLETE.name)
        .filter_map(Verdict::kind)
        .any(|kind| threshold.is_some_and(|level| kind.level >= level));
    if is_hit {
        Status::Findings
    } else if report.self_test.has_holes() {
        Status::Partial
    } else {
        Status::Clean
    }
}
