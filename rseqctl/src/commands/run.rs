//! `rseqctl run`.

use std::io::{self, Write as _};
use std::process::ExitCode;

use crate::cli::RunArgs;
use crate::exit::{RUN_CANNOT_EXECUTE, RUN_FAILED};
use crate::launch::{
    Decision, Environment, Failure, Kernel, Kind, Plan, Target, cannot_execute, supervise, surplus,
    verify,
};
use crate::program::libraries::Libraries;
use crate::report::complain;
use crate::sys::process;

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
