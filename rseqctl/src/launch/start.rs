//! A command on its way: decided on, planned, started.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use tls_model::owner::Mode;
use tls_model::protocol::restart::Permission;

use super::decision::Decision;
use super::environment::Environment;
use super::error::Error;
use super::hazard::Kernel;
use super::manner::{Manner, Verification, Watch};
use super::plan::{Plan, means};
use super::supervisor::supervise;
use super::surplus::MayLoad;
use super::target::{Target, TargetKind, search};
use super::verify;
use crate::exit::Status;
use crate::kernel::Keep;
use crate::program::libraries::{self, Libraries};
use crate::report::{RunRow, Word, complain};
use crate::sys::process;

/// What the user may ask for.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Who is to own the registration; without it `RSEQ_SHIM_MODE` says so, or
    /// else it is [`Mode::default`].
    pub mode: Option<Mode>,
    /// Libraries that the command may load with `dlopen`: static TLS is kept for
    /// them.
    pub may_load: Vec<PathBuf>,
    /// Start even what would do damage on this kernel.
    pub force: bool,
    /// Nothing will be started: no file is written.
    pub dry_run: bool,
}

/// A command, the environment that it would get, and what was decided.
///
/// ```
/// use rseqctl::launch::{Settings, Start};
///
/// let program = std::env::current_exe()?;
/// let start = Start::decide(program.as_os_str(), &[], &Settings::default())?;
/// println!("{}: {}", start.decision().owner.name(), start.decision().reason.text());
/// // nothing was started; the plan needs the shim's libraries
/// match start.plan() {
///     Ok(plan) => println!("it would get {:?}", plan.set),
///     Err(error) => println!("it could not be started: {error}"),
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Start {
    program: OsString,
    arguments: Vec<OsString>,
    target: Target,
    environment: Environment,
    decision: Decision,
    /// What the shim may do in what is started below.
    below: Permission,
    is_forced: bool,
}

impl Start {
    /// Finds the command and decides who is to own the registration in it. The
    /// kernel may be tried for that, in children; nothing is started.
    ///
    /// # Errors
    ///
    /// There is no such command, it is no program, or a library of
    /// [`Settings::may_load`] cannot be read.
    pub fn decide(
        program: &OsStr,
        arguments: &[OsString],
        settings: &Settings,
    ) -> Result<Self, Error> {
        let target = Target::find(program, arguments)?;
        if let TargetKind::NotAProgram = target.kind {
            return Err(Error::NotAProgram(target.path));
        }
        let environment = Environment::of_this_process();
        let mode = settings.mode.unwrap_or_else(|| environment.mode());
        let keep = if settings.dry_run {
            Keep::NotKept
        } else {
            Keep::Kept
        };
        let kernel = target.scope().map_or(Kernel::NotAsked, |scope| {
            Kernel::for_program(scope, mode, keep)
        });
        let mut decision = Decision::make(mode, &target, &environment, kernel);
        let linker = target.scope().and_then(|scope| scope.linker.as_deref());
        decision.expect(&MayLoad::read(&settings.may_load)?, &environment, linker);
        let below = if environment.forbids_restarts() || !decision.sets_preload() {
            Permission::Off
        } else {
            decision.kernel.permission_below(keep)
        };
        Ok(Self {
            program: program.to_owned(),
            arguments: arguments.to_vec(),
            target,
            environment,
            decision,
            below,
            is_forced: settings.force,
        })
    }

    /// Returns what was decided.
    #[must_use]
    pub fn decision(&self) -> &Decision {
        &self.decision
    }

    /// Returns what would be done.
    ///
    /// # Errors
    ///
    /// The shim is to be loaded, and its libraries are not there.
    pub fn plan(&self) -> Result<Plan, Error> {
        let environment = self.environment_to_be(Libraries::that_would_be)?;
        Ok(Plan::new(
            &self.decision,
            &self.target,
            &environment,
            self.below,
        ))
    }

    /// Starts the command. Returns only where it could not be started, and after
    /// a report.
    ///
    /// # Errors
    ///
    /// It would do damage, or it cannot be executed.
    pub fn run(self, manner: &Manner) -> Result<Status, Error> {
        let mut environment = self.environment_to_be(Libraries::to_preload)?;
        let Self {
            program,
            arguments,
            target,
            mut decision,
            is_forced,
            ..
        } = self;
        if let Some(hazard) = decision.hazard.take_if(|_| !is_forced) {
            return Err(Error::Hazard(hazard));
        }
        for warning in &decision.warnings {
            complain(format_args!("{}: {warning}", target.named().display()));
        }
        match manner {
            Manner::Report(place, verification) => supervise(
                &target,
                (&program, &arguments),
                environment,
                &decision,
                (place, *verification),
            ),
            Manner::Exec(verification) => {
                watch(&target, &decision, &mut environment, *verification);
                let variables = environment.variables();
                let text = target.is_text();
                let error = process::exec(&target.path, &program, &arguments, variables, text);
                Err(Error::execute(&target.path, error))
            }
        }
    }

    /// Returns the command's environment.
    fn environment_to_be(
        &self,
        find: impl FnOnce() -> Result<Libraries, libraries::Error>,
    ) -> Result<Environment, Error> {
        let libraries = self.decision.sets_preload().then(find).transpose()?;
        let mut environment = self.environment.clone();
        self.decision.apply(
            &self.target,
            &mut environment,
            libraries.as_ref(),
            self.below,
        )?;
        Ok(environment)
    }
}

/// Lets a process check whether the decision holds, where one is to.
fn watch(
    target: &Target,
    decision: &Decision,
    environment: &mut Environment,
    verification: Verification,
) {
    let (is_asked, how) = match verification {
        Verification::Always(how) => (true, how),
        Verification::WhereItMatters if decision.switch_libc_off => (false, Watch::default()),
        Verification::WhereItMatters | Verification::Never => return,
    };
    if let Err(why) = verify::watch(target, decision, environment, is_asked, how)
        && is_asked
    {
        complain(format_args!(
            "{}: not verified: {why}",
            target.path.display()
        ));
    }
}

/// Returns the file of a program that is named as on a command line: a path as it is,
/// and what is no file here is looked for in `PATH`, where it is found there.
#[must_use]
pub fn locate(program: &Path) -> PathBuf {
    let is_name = program.components().count() == 1 && !program.exists();
    let found = is_name.then(|| search(program.as_os_str()).ok()).flatten();
    found.unwrap_or_else(|| program.to_path_buf())
}

/// Returns what would become of a program that is started now; for the audit.
#[must_use]
pub fn foresee(program: &Path) -> Option<RunRow> {
    let path = std::path::absolute(program).ok()?;
    let target = Target::find(path.as_os_str(), &[]).ok()?;
    let environment = Environment::of_this_process();
    // what the program is, and not where it runs
    let decision = Decision::make(environment.mode(), &target, &environment, Kernel::NotAsked);
    Some(RunRow {
        owner: Word(decision.owner),
        because: decision.reason.foreseen(),
        means: means(&decision, &target),
        switches_libc_off: decision.switch_libc_off,
        preloads: decision.preload,
        warnings: decision.warnings,
    })
}
