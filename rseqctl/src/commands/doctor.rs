//! `rseqctl doctor`.

use std::time::Duration;

use tls_model::rules::RuleId;

use crate::error::Error;
use crate::exit::Status;
use crate::host::{HostReport, inspect_host};
use crate::kernel::{Behaviour, Rank, remember};
use crate::report::choices::{FailOn, ReportFormat};
use crate::report::{Fleet, Reporter, StandardOutput};

/// The checked arguments.
#[derive(Clone, Debug)]
pub struct DoctorRequest {
    /// How to print.
    pub format: ReportFormat,
    /// What makes the exit status 1.
    pub fail_on: FailOn,
    /// Print everything that was tried.
    pub verbose: bool,
    /// How long the self-test may take.
    pub limit: Duration,
    /// Whether rows carry the host's keys.
    pub fleet: Fleet,
}

pub(super) fn run(request: &DoctorRequest, out: &mut StandardOutput) -> Result<Status, Error> {
    let report = inspect_host(request.limit);
    // for rseqctl run
    if let Some(behaviour) = Behaviour::of(&report.self_test) {
        remember(behaviour, Rank::Whole);
    }
    let host = request.fleet.host(Reporter::Doctor);
    report
        .write(request.format, request.verbose, host.as_ref(), out)
        .map_err(Error::Output)?;
    Ok(status(&report, request.fail_on))
}

/// Returns the exit status. Verdicts win over holes in the self-test, which could only
/// add some.
fn status(report: &HostReport, fail_on: FailOn) -> Status {
    let threshold = fail_on.level();
    let is_hit = report
        .verdicts
        .iter()
        .filter(|verdict| verdict.id != RuleId::SelfTestIncomplete)
        .any(|verdict| threshold.is_some_and(|level| verdict.rule().level >= level));
    if is_hit {
        Status::Findings
    } else if report.self_test.has_holes() {
        Status::Partial
    } else {
        Status::Clean
    }
}
