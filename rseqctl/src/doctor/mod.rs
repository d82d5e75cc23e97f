//! `rseqctl doctor`: what this host does with rseq, by looking and by trying.
//!
//! Verdicts come from what was seen, never from a version number: kernels and
//! libcs are patched, filtered and emulated.

mod answer;
mod facts;
mod judge;
mod report;
mod selftest;
pub mod verdict;

use std::io::{self, ErrorKind, Write as _};
use std::time::Duration;

use crate::cli::{DoctorArgs, FailOn};
use crate::exit::Status;

pub use answer::{Behaviour, Origin, get as answer};
pub use facts::{Auxv, Facts, Kernel, Libc, PRELOAD_FILE, Preloaded, Seccomp};
pub use judge::{Verdict, judge};
pub use report::Report;
pub use selftest::{
    Abort, Aborts, Answers, Extent, Field, Fields, Length, NotSeen, Refusal, SelfTest,
    run as self_test,
};

/// Looks at this host; the self-test ends within `limit`.
#[must_use]
pub fn look(limit: Duration) -> Report {
    let facts = Facts::here();
    let self_test = self_test(Extent::Whole, limit);
    let verdicts = judge(&facts, &self_test);
    Report {
        facts,
        self_test,
        verdicts,
    }
}

/// Runs the subcommand.
#[must_use]
pub fn main(args: &DoctorArgs) -> Status {
    let report = look(Duration::from_secs(args.seconds.into()));
    // for rseqctl run
    if let Some(behaviour) = Behaviour::of(&report.self_test) {
        answer::remember(behaviour, answer::Rank::Whole);
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
