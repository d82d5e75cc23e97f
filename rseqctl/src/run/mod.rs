//! `rseqctl run`: decides who owns the registration before the command starts,
//! while `GLIBC_TUNABLES` can still be set, and starts it that way.
//!
//! Without `--report` it execs: nothing stays between the caller and the
//! command. Where the decision changes something, a process that is nobody's
//! child looks for a moment whether it holds ([`verify`]). With it, it stays as the parent, passes signals on, and tells at
//! the end what the shim has counted.

mod decision;
mod environment;
mod hazard;
mod launcher;
mod libraries;
mod plan;
mod report;
mod scope;
mod surplus;
mod target;
mod verify;

use std::ffi::OsString;
use std::io::{self, Write as _};
use std::path::Path;
use std::process::ExitCode;

use decision::Decision;
use environment::Environment;
use hazard::Kernel;
use libraries::Libraries;
use target::{Kind, Target};
use verify::Finding;

pub(crate) use environment::{RseqTunable, rseq_tunable};
pub use plan::Plan;

use crate::audit::RunRow;
use crate::cli::RunArgs;
use crate::complain::complain;
use crate::exit::{RUN_CANNOT_EXECUTE, RUN_FAILED, RUN_NOT_FOUND};
use crate::sys::process::{self, Ending};

/// Runs the command; answers only when it could not, or after a report.
#[must_use]
pub fn main(args: &RunArgs) -> ExitCode {
    match start(args) {
        Ok(code) => code,
        Err(failure) => {
            complain(format_args!("{}", failure.message));
            ExitCode::from(failure.status)
        }
    }
}

/// What would become of a program that is started now, for the audit.
pub(crate) fn foresee(program: &Path) -> Option<RunRow> {
    let path = std::path::absolute(program).ok()?;
    let target = Target::find(path.as_os_str(), &[]).ok()?;
    let environment = Environment::of_this_process();
    // what the program is, and not where it runs
    let decision = Decision::make(environment.mode(), &target, &environment, Kernel::NotAsked);
    Some(RunRow {
        owner: decision.owner.name(),
        because: decision.reason.text(),
        switches_libc_off: decision.switch_libc_off,
        preloads: decision.preload,
        warnings: decision.warnings,
    })
}

/// The file names of the two libraries.
pub(crate) const fn shim_names() -> [&'static str; 2] {
    [libraries::SHIM, libraries::ABI]
}

/// Why the command did not start.
struct Failure {
    status: u8,
    message: String,
}

impl Failure {
    fn new(status: u8, message: impl Into<String>) -> Self {
        Self {
            status,
            message: message.into(),
        }
    }
}

fn start(args: &RunArgs) -> Result<ExitCode, Failure> {
    let (program, arguments) = args
        .command
        .split_first()
        .ok_or_else(|| Failure::new(RUN_FAILED, "run: no command given"))?;
    let target = Target::find(program, arguments)?;
    if let Kind::NotAProgram = target.kind {
        return Err(Failure::new(
            RUN_CANNOT_EXECUTE,
            format!(
                "{}: neither an ELF executable nor a script",
                target.path.display()
            ),
        ));
    }
    let failed = |message| Failure::new(RUN_FAILED, message);
    let mut environment = Environment::of_this_process();
    let mode = args.mode.unwrap_or_else(|| environment.mode());
    let kernel = target
        .scope()
        .map_or(Kernel::NotAsked, |scope| Kernel::for_program(scope, mode));
    let mut decision = Decision::make(mode, &target, &environment, kernel);
    if let Some(need) = surplus::Need::of(&args.may_load).map_err(failed)? {
        decision.keep_static_tls(need, &environment);
    }
    let decision = decision;
    let libraries = decision
        .preload
        .then(Libraries::find)
        .transpose()
        .map_err(failed)?;
    decision
        .apply(&mut environment, libraries.as_ref())
        .map_err(failed)?;
    if args.dry_run {
        let plan = Plan::new(&decision, &target, &environment);
        let mut text = Vec::new();
        let written = plan
            .write(args.format, &mut text)
            .and_then(|()| io::stdout().write_all(&text));
        return match written {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Failure::new(
                RUN_FAILED,
                format!("standard output: {error}"),
            )),
            _ => Ok(ExitCode::SUCCESS),
        };
    }
    if let Some(hazard) = decision.hazard.as_ref().filter(|_| !args.force) {
        return Err(failed(format!("not started: {hazard}")));
    }
    for warning in &decision.warnings {
        complain(format_args!("{}: {warning}", target.path.display()));
    }
    if args.report.is_none() {
        let wanted = args.verify || decision.switch_libc_off && !args.no_verify;
        let watched = if wanted {
            verify::watch(&target, &decision, &mut environment, args.verify)
        } else {
            Ok(())
        };
        if let Err(why) = watched
            && args.verify
        {
            complain(format_args!(
                "{}: not verified: {why}",
                target.path.display()
            ));
        }
    }
    match &args.report {
        None => Err(cannot_execute(
            &target.path,
            &process::exec(&target.path, program, arguments, environment.variables()),
        )),
        Some(place) => supervise(&target, program, arguments, environment, &decision, place),
    }
}

fn supervise(
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

fn cannot_execute(path: &Path, error: &io::Error) -> Failure {
    let status = if error.kind() == io::ErrorKind::NotFound {
        RUN_NOT_FOUND
    } else {
        RUN_CANNOT_EXECUTE
    };
    Failure::new(status, format!("{}: {error}", path.display()))
}
