//! Who will own the registration, and what has to be set for it.
//!
//! The owner itself is `tls_model::owner`'s answer; here the launcher chooses
//! what the libc will be told, because that is what it can still change.

use std::path::{Path, PathBuf};

use tls_model::facts::OwnLibrary;
use tls_model::owner::{Mode, Owner, Plan, Reason, Situation, plan};
use tls_model::protocol::plan::{ExecutedName, FileNumber};
use tls_model::protocol::restart::{Handed, Permission};
use tls_model::protocol::variable::{self, TUNABLES};
use tls_model::protocol::{HandedPlan, Settings};
use tls_model::rseq::ORIGINAL_LENGTH;
use tls_model::rules::RuleId;

use super::environment::{CannotPreload, Environment, PreloadPosition};
use super::hazard::{Hazard, Kernel};
use super::scope::Scope;
use super::surplus::{MayLoad, Need};
use super::target::{Target, TargetKind};
use crate::program::libraries::Libraries;
use crate::sys::{dynamic, machine, thread};
use crate::tunables::{RseqTunable, is_own_linker};

/// What `run` is going to do.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Decision {
    /// What the user asked for.
    pub mode: Mode,
    /// Who will own the registration; not known for a libc without one.
    pub owner: Owner,
    /// Why.
    pub reason: Reason,
    /// Switch the libc's own registration off.
    pub switch_libc_off: bool,
    /// `GLIBC_TUNABLES` is replaced: the libc would ignore ours with all of it.
    pub replace_tunables: bool,
    /// Load the shim.
    pub preload: bool,
    /// The program cannot load it, and hands it on to what it starts.
    pub hands_on: bool,
    /// Libraries of the program's that have to come first: a sanitizer's
    /// runtime, and a definer that `librseq_abi.so` would come before.
    pub preload_first: Vec<PathBuf>,
    /// Length in bytes of the shim's registrations, where it makes any.
    pub length: Option<u32>,
    /// What is known about this kernel.
    pub kernel: Kernel,
    /// Why the command must not be started this way.
    pub hazard: Option<Hazard>,
    /// Static TLS that is to be kept for libraries that come by `dlopen`.
    pub surplus: Option<Need>,
    /// What the user should know.
    pub warnings: Vec<String>,
}

impl Decision {
    /// Decides for a command and the environment it would get, on a kernel of
    /// which this much is known.
    pub(super) fn make(
        mode: Mode,
        target: &Target,
        environment: &Environment,
        kernel: Kernel,
    ) -> Self {
        let mut warnings: Vec<_> = target.obstacle().into_iter().collect();
        let nothing = Scope::default();
        let (scope, preloadable, tunables) = match &target.kind {
            TargetKind::Preloadable(scope) => (scope, true, true),
            TargetKind::NotPreloadable {
                scope, tunables, ..
            } => (scope, false, *tunables),
            TargetKind::DynamicLinker | TargetKind::ShellText | TargetKind::NotAProgram => {
                (&nothing, true, true)
            }
        };
        let preload = preloadable && mode != Mode::Off;
        let hands_on = target.hands_on() && mode != Mode::Off;

        let hidden_definition = scope.hidden.is_some();
        let is_usable = |size: u64| size >= u64::from(ORIGINAL_LENGTH);
        let usable = scope
            .adopter
            .as_ref()
            .map(|adopter| is_usable(adopter.size));
        let libc_shares = scope.libc_owns_symbol && usable != Some(false);
        let wanted = match mode {
            Mode::Off | Mode::Defer | Mode::Takeover => false,
            // nobody would be there to register in its place
            Mode::Own => preload || hidden_definition,
            Mode::Auto => hidden_definition || (usable == Some(true) && !libc_shares && preload),
        };
        let linker = scope.linker.as_deref();
        let said = environment.rseq_tunable(linker);
        let is_refused = matches!(kernel, Kernel::Refuses(_));
        let switch_libc_off = wanted && tunables && said == RseqTunable::Unset && !is_refused;
        if wanted && said == RseqTunable::On {
            warnings.push(format!(
                "GLIBC_TUNABLES already says glibc.pthread.rseq={}, which is kept: the libc will own the registration",
                environment.rseq_tunable_text()
            ));
        }
        let replace_tunables = switch_libc_off && ignores_tunables(linker, environment);
        if replace_tunables {
            warnings.push(malformed(environment));
        }
        if let (Some(hidden), true) = (&scope.hidden, preload && !mode.yields_to_clients()) {
            warnings.push(will_be_refused(hidden, mode));
        }
        warnings.extend(scope.bound.iter().map(|library| binds_to_itself(library)));
        let libc_would = libc_would_register(target, environment);
        let situation = Situation {
            // what cannot be preloaded is left to itself
            mode: if preload { mode } else { Mode::Auto },
            libc_registered: !switch_libc_off
                && said != RseqTunable::Off
                && (libc_shares || libc_would),
            libc_owns_symbol: libc_shares,
            adopter_size: scope.adopter.as_ref().map(|adopter| adopter.size),
            hidden_definition,
            feature_size: machine::rseq_feature_size(),
        };
        let (owner, reason, length) = match (&kernel, plan(&situation)) {
            (Kernel::Refuses(errno), _) => (Owner::Unavailable, refusal(*errno), None),
            // nobody is there to do it
            (_, Plan::Register { reason, .. }) if !preload => (Owner::Client, reason, None),
            (
                _,
                Plan::Register {
                    owner,
                    reason,
                    length,
                    ..
                },
            ) => (owner, reason, Some(length)),
            (_, Plan::StandAside { owner, reason }) => (owner, reason, None),
        };
        let hazard = Hazard::find(&kernel, scope, owner, reason).map(|hazard| {
            let libc_would = libc_would && said != RseqTunable::Off;
            let advice = if hazard.takes_libcs {
                "use another kernel: whoever registers, it takes that area"
            } else {
                advice(reason, libc_would && tunables, preload)
            };
            hazard.with_advice(advice)
        });
        let deep = scope.adopter.as_ref().filter(|adopter| adopter.is_deep);
        let preload_first = scope
            .sanitizer
            .iter()
            .chain(deep.map(|adopter| &adopter.path))
            .filter(|_| preload)
            .cloned()
            .collect();
        Self {
            mode,
            owner,
            reason,
            switch_libc_off,
            replace_tunables,
            preload,
            hands_on,
            preload_first,
            length,
            kernel,
            hazard,
            surplus: None,
            warnings,
        }
    }

    /// Takes libraries into account that will come by `dlopen`.
    pub(super) fn expect(
        &mut self,
        libraries: &MayLoad,
        environment: &Environment,
        linker: Option<&Path>,
    ) {
        let bound = libraries.bound.iter();
        self.warnings
            .extend(bound.map(|library| binds_to_itself(library)));
        if let Some(need) = &libraries.need {
            self.keep_static_tls(need.clone(), environment, linker);
        }
    }

    /// Keeps static TLS for libraries that come by `dlopen`, unless the user has
    /// set the tunable.
    fn keep_static_tls(&mut self, need: Need, environment: &Environment, linker: Option<&Path>) {
        match environment.optional_static_tls(linker) {
            None => self.surplus = Some(need),
            Some(set) if set >= need.tunable => {}
            Some(set) => self.warnings.push(format!(
                "GLIBC_TUNABLES already sets glibc.rtld.optional_static_tls to {set}, which is kept; \
                 the libraries of --may-load need {} bytes of static TLS and the value {}",
                need.bytes, need.tunable
            )),
        }
    }

    /// Returns whether the shim is put into the environment.
    pub(super) fn sets_preload(&self) -> bool {
        self.preload || self.hands_on
    }

    /// Returns whether the shim is told the mode: where it is off, only if there is one all the
    /// same.
    pub(super) fn sets_mode(&self, environment: &Environment) -> bool {
        self.sets_preload() || self.mode == Mode::Off && is_there_already(environment)
    }

    /// Returns whether the libc is told by the environment of the first exec. Behind
    /// launchers the shim tells it, in the program itself: they and what else they
    /// start keep their libc's registration.
    pub(super) fn tells_libc_at_once(&self, target: &Target, below: Permission) -> bool {
        let by_the_shim = self.preload && below != Permission::Off && !target.through.is_empty();
        self.switch_libc_off && !by_the_shim
    }

    /// Puts the decision into the command's environment: what the libc is told,
    /// what is preloaded, for the shim the decision itself, and what it may do in
    /// what is started `below`.
    pub(super) fn apply(
        &self,
        target: &Target,
        environment: &mut Environment,
        libraries: Option<&Libraries>,
        below: Permission,
    ) -> Result<(), CannotPreload> {
        // those of a rseqctl that has started this one
        environment.remove(variable::PLAN);
        if !environment.forbids_restarts() {
            environment.remove(variable::RESTART);
        }
        if self.replace_tunables {
            environment.remove(TUNABLES);
        }
        let is_tuned = self.tells_libc_at_once(target, below);
        if is_tuned {
            environment.switch_rseq_off();
        }
        if let Some(need) = &self.surplus {
            environment.set_optional_static_tls(need.tunable);
        }
        if let Some(libraries) = libraries {
            for library in self.preload_first.iter().rev() {
                environment.preload(library, PreloadPosition::First)?;
            }
            // one of another place would be a second one in the process
            environment.forget_preload(OwnLibrary::Shim);
            environment.preload(&libraries.shim, PreloadPosition::Last)?;
            let handed = Handed {
                // who is not to be started once more needs what is inherited
                is_tuned: is_tuned && below != Permission::Off,
                ..Handed::new(below)
            };
            environment.set(variable::RESTART, handed.to_string());
            let plan = self.handed_over(target, environment.settings());
            if let Some(plan) = plan.filter(|_| self.preload) {
                environment.set(variable::PLAN, plan.to_string());
            }
        }
        if self.sets_mode(environment) {
            environment.set(variable::MODE, self.mode.name());
        }
        Ok(())
    }

    /// Returns the decision as it is handed to the shim, for a program that can be
    /// told from others.
    fn handed_over(&self, target: &Target, settings: Settings) -> Option<HandedPlan> {
        let (device, inode) = target.identity()?;
        Some(HandedPlan {
            mode: self.mode,
            owner: self.owner,
            reason: self.reason,
            length: self.length.unwrap_or(0),
            executable: FileNumber { device, inode },
            name: ExecutedName::of(target.executed.as_os_str().as_encoded_bytes()),
            settings,
            switches_libc_off: self.switch_libc_off,
        })
    }
}

/// Returns whether a shim will be in the program, whatever is decided here: every program of
/// the host has it, or whoever has started this one has set it.
fn is_there_already(environment: &Environment) -> bool {
    Libraries::of_every_program().is_some() || environment.preloads(OwnLibrary::Shim)
}

/// Returns whether the command's libc registers by itself, unless it is told not to: what its
/// dynamic linker says about the tunable (distributions carry it in glibc 2.34, and
/// some switch it off), or what a static program's symbols say. Our own libc stands
/// for one that tells nothing.
fn libc_would_register(target: &Target, environment: &Environment) -> bool {
    let own = || {
        // where it is refused to everybody, the kernel's answer says so
        let registers = |area: dynamic::LibcArea| area.size != 0 || thread::refusal().is_some();
        dynamic::libc_area().is_some_and(registers)
    };
    match &target.kind {
        TargetKind::Preloadable(scope) => match scope.linker.as_deref() {
            Some(linker) if !is_own_linker(linker) => {
                Environment::rseq_default(linker).is_some_and(|number| number != 0)
            }
            _ => own() || environment.rseq_tunable(None) == RseqTunable::Off,
        },
        TargetKind::NotPreloadable { scope, .. } => {
            scope.brings_registering_libc.unwrap_or_else(own)
        }
        TargetKind::DynamicLinker | TargetKind::ShellText | TargetKind::NotAProgram => own(),
    }
}

/// Returns what to say about an object whose own registration the mode rules out.
fn will_be_refused(hidden: &Path, mode: Mode) -> String {
    format!(
        "{} defines __rseq_abi without exporting it; with --mode {} its own registration will be \
         refused",
        hidden.display(),
        mode.name()
    )
}

/// Returns what to say about a library that uses its own definition although another
/// one wins.
pub fn binds_to_itself(library: &Path) -> String {
    format!(
        "{} exports __rseq_abi and binds to its own definition, which nobody registers for it \
         (rseqctl explain {})",
        library.display(),
        RuleId::DefinerBindsToItself.rule().name
    )
}

/// Returns whether the program's libc would ignore what is added to `GLIBC_TUNABLES`.
fn ignores_tunables(linker: Option<&Path>, environment: &Environment) -> bool {
    linker.is_some_and(|linker| environment.tunables_are_ignored(linker))
}

fn malformed(environment: &Environment) -> String {
    let tunables = environment.value(TUNABLES);
    format!(
        "the program's libc ignores GLIBC_TUNABLES={tunables} as malformed: it is replaced, for \
         all that is started"
    )
}

/// Returns what to do about a hazard.
fn advice(reason: Reason, libc_would: bool, preload: bool) -> &'static str {
    if reason == Reason::LibcOwnsSymbol {
        "use another kernel: the libc shares the area that it registers with it"
    } else if libc_would {
        "start it with rseqctl run --mode defer, which leaves the registration to the libc: its own \
         is refused then, and it stays on its slow, safe path"
    } else if preload {
        "start it with rseqctl run --mode own, which registers before it can: its own registration \
         is refused then, and it stays on its slow, safe path"
    } else {
        "take glibc.pthread.rseq=0 out of GLIBC_TUNABLES, so that the libc registers before it can: \
         it stays on its slow, safe path then"
    }
}

/// Returns the reason that goes with the kernel's refusal.
const fn refusal(errno: i32) -> Reason {
    match errno {
        libc::ENOSYS => Reason::NoSystemCall,
        libc::EPERM => Reason::Denied,
        _ => Reason::Refused,
    }
}
