//! `--report`: stays as the command's parent, and tells at the end what the shim
//! has counted.

use std::ffi::OsString;
use std::path::Path;

use tls_model::protocol::variable;

use super::decision::Decision;
use super::environment::Environment;
use super::error::Error;
use super::ledger_verdict::LedgerVerdict;
use super::manner::Verification;
use super::report::{Destination, FinalReport, LedgerFile, NO_PROC, has_proc};
use super::target::Target;
use super::verify;
use crate::exit::Status;
use crate::report::complain;
use crate::sys::process::{self, Ending};

/// Runs the command as a child and reports on it.
pub(crate) fn supervise(
    target: &Target,
    (program, arguments): (&OsString, &[OsString]),
    mut environment: Environment,
    decision: &Decision,
    (place, verification): (&Path, Verification),
) -> Result<Status, Error> {
    let failed = |what, source| Error::Report {
        place: place.to_path_buf(),
        what,
        source,
    };
    let output = Destination::open(place).map_err(|error| failed("write the report", error))?;
    let ledger =
        LedgerFile::create().map_err(|error| failed("make a ledger for the report", error))?;
    if has_proc() {
        environment.set(variable::LEDGER, ledger.path(std::process::id()));
    } else {
        complain(format_args!(
            "{}: {NO_PROC}: the report will be without counts",
            target.path.display(),
        ));
    }
    let watch = match verification {
        Verification::Always(watch) => Some(watch),
        Verification::WhereItMatters | Verification::Never => None,
    };
    if let Some(watch) = watch
        && let Err(why) = verify::watch_ledger(target, decision, &ledger, watch)
    {
        complain(format_args!(
            "{}: not verified: {why}",
            target.path.display()
        ));
    }
    // behind a launcher it is the program that counts, whoever starts it; without
    // one it may replace itself by another
    let executable = target.identity().filter(|_| !target.through.is_empty());
    let ending = process::supervise(
        &target.path,
        program,
        arguments,
        environment.variables(),
        target.is_text(),
        (ledger.file(), executable),
    )
    .map_err(|error| Error::execute(&target.path, error))?;
    let verdict = ledger
        .record()
        .map(|record| LedgerVerdict::of(decision.owner, &record));
    let bad = verdict.filter(LedgerVerdict::is_bad);
    if let (Some(verdict), None) = (bad, watch) {
        complain(format_args!(
            "{}: the owner was to be {}: {verdict}",
            target.named().display(),
            decision.owner.name()
        ));
    }
    // the command has run: its status is told even if its report cannot be
    if let Err(error) = output.write(&FinalReport::new(decision, &ledger, ending)) {
        complain(format_args!(
            "{}: cannot write the report: {error}",
            place.display()
        ));
    }
    if bad.is_some() && watch.is_some_and(|watch| watch.is_fatal) {
        return Ok(Status::RunFailed);
    }
    Ok(match ending {
        Ending::Exited(status) => Status::Command(status),
        Ending::Killed(signal) => Status::Signal(signal),
    })
}
