//! `rseqctl doctor`.

use std::time::Duration;

use tls_model::rules::RuleId;

use crate::error::Error;
use crate::exit::Status;
use crate::host::{HostReport, Running, RunningProgram, inspect_host};
use crate::kernel::{Behaviour, Rank, remember};
use crate::process::{Event, Files, Options, Selection, inspect_processes};
use crate::report::choices::{FailOn, ReportFormat};
use crate::report::{Fleet, Reporter, Screen, StandardOutput};

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
    let mut report = inspect_host(request.limit);
    report.running = running();
    // for rseqctl run
    if let Some(behaviour) = Behaviour::of(&report.self_test) {
        remember(behaviour, Rank::Whole);
    }
    let host = request.fleet.host(Reporter::Doctor);
    report
        .write(
            request.format,
            request.verbose,
            host.as_ref(),
            Screen::standard_output(),
            out,
        )
        .map_err(Error::Output)?;
    Ok(status(&report, request.fail_on))
}

/// Returns what is found of the programs that run; `None` where /proc tells nothing.
/// Only those are stopped that bring an area of their own.
fn running() -> Option<Running> {
    let mut files = Files::default();
    let mut bring = Vec::new();
    let options = Options {
        no_stop: true,
        ..Options::default()
    };
    let tally = inspect_processes(&Selection::default(), &options, &mut files, &mut |event| {
        if let Event::Row(row) = event
            && row.objects.iter().any(|object| object.defines.is_some())
        {
            bring.push(row.pid);
        }
    });
    let mut running = Running::default();
    let tally = tally.ok()?;
    running.not_permitted = tally.not_permitted;
    running.inspected = tally.processes - tally.not_permitted;
    if bring.is_empty() {
        return Some(running);
    }
    let which = Selection::of_pids(bring);
    let tally = inspect_processes(&which, &Options::default(), &mut files, &mut |event| {
        if let Event::Row(row) = event {
            let mut findings = row.findings.iter();
            if findings.any(|it| it.rule.id == RuleId::RefusedClient) {
                let unit = row.unit.as_deref();
                let program = RunningProgram::new(row.pid, &row.name, unit);
                running.refused.push(program);
            }
        }
    });
    tally.is_ok().then_some(running)
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
