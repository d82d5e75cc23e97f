//! `--report`: stays as the command's parent, and tells at the end what the shim
//! has counted.

use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::process::ExitCode;

use super::decision::Decision;
use super::environment::Environment;
use super::report;
use super::target::Target;
use super::verify::Finding;
use super::{Failure, cannot_execute};
use crate::exit::RUN_FAILED;
use crate::report::complain;
use crate::sys::process::{self, Ending};

/// Runs the command as a child and reports on it.
pub(crate) fn supervise(
    target: &Target,
    program: &OsString,
    arguments: &[OsString],
    mut environment: Environment,
    decision: &Decision,
    place: &Path,
) -> Result<ExitCode, Failure> {
    let failed = |what: &str, error: &io::Error| {
        Failure::new(
            RUN_FAILED,
            format!("{}: cannot {what}: {error}", place.display()),
        )
    };
    let output = report::Output::open(place).map_err(|error| failed("write the report", &error))?;
    let ledger = report::LedgerFile::create()
        .map_err(|error| failed("make a ledger for the report", &error))?;
    environment.set("RSEQ_SHIM_LEDGER", ledger.path());
    let ending = process::supervise(
        &target.path,
        program,
        arguments,
        environment.variables(),
        ledger.file(),
    )
    .map_err(|error| cannot_execute(&target.path, &error))?;
    let finding = ledger
        .record()
        .map(|record| Finding::of(decision.owner, &record));
    if let Some(finding @ (Finding::OtherOwner(..) | Finding::Refused(_))) = finding
        && target.through.is_empty()
    {
        complain(format_args!(
            "{}: the owner was to be {}: {finding}",
            target.path.display(),
            decision.owner.name()
        ));
    }
    // the command has run: its status is told even if its report cannot be
    if let Err(error) = output.write(&report::Report::new(decision, &ledger, ending))
        && error.kind() != io::ErrorKind::BrokenPipe
    {
        complain(format_args!(
            "{}: cannot write the report: {error}",
            place.display()
        ));
    }
    match ending {
        Ending::Exited(status) => Ok(ExitCode::from(status)),
        Ending::Killed(signal) => process::die_by(signal),
    }
}
