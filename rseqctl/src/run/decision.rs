//! Who will own the registration, and what has to be set for it.
//!
//! The owner itself is `tls_model::owner`'s answer; here the launcher chooses
//! what the libc will be told, because that is what it can still change.

use std::fmt::Write as _;
use std::path::PathBuf;

use tls_model::owner::{Mode, Owner, Plan, Reason, Situation, plan};

use tls_model::rseq::ORIGINAL_LENGTH;

use super::environment::{Environment, Place, RseqTunable};
use super::libraries::Libraries;
use super::scope::Scope;
use super::target::{Kind, Target};
use crate::sys::dynamic;

/// What `run` is going to do.
pub struct Decision {
    /// What the user asked for.
    pub mode: Mode,
    /// Who will own the registration; nobody knows for a libc without one.
    pub owner: Owner,
    /// Why.
    pub reason: Reason,
    /// Switch the libc's own registration off.
    pub switch_libc_off: bool,
    /// Load the shim.
    pub preload: bool,
    /// Libraries of the program's that have to come first: a sanitizer's
    /// runtime, and a definer that `librseq_abi.so` would come before.
    pub preload_first: Vec<PathBuf>,
    /// What the user should know.
    pub warnings: Vec<String>,
}

impl Decision {
    /// Decides for a command and the environment it would get.
    pub fn make(mode: Mode, target: &Target, environment: &Environment) -> Self {
        let mut warnings = Vec::new();
        let nothing = Scope::default();
        let (scope, preloadable, tunables) = match &target.kind {
            Kind::Preloadable(scope) => (scope, true, true),
            Kind::NotPreloadable {
                why,
                scope,
                tunables,
            } => {
                warnings.push(format!("{why}; starting it without the shim"));
                (scope, false, *tunables)
            }
            Kind::DynamicLinker | Kind::ShellText | Kind::NotAProgram => (&nothing, true, true),
        };
        let preload = preloadable && mode != Mode::Off;

        let hidden_definition = scope.hidden.is_some();
        let wanted = match mode {
            Mode::Off | Mode::Defer | Mode::Takeover => false,
            Mode::Own => true,
            Mode::Auto => {
                let usable = scope
                    .adopter
                    .as_ref()
                    .is_some_and(|adopter| adopter.size >= u64::from(ORIGINAL_LENGTH));
                hidden_definition || (usable && preload)
            }
        };
        let said = environment.rseq_tunable();
        let switch_libc_off = wanted && tunables && said == RseqTunable::Unset;
        if wanted && said == RseqTunable::On {
            warnings.push(
                "GLIBC_TUNABLES already says glibc.pthread.rseq=1, which is kept: the libc will own the registration"
                    .to_owned(),
            );
        }
        if let (Mode::Own, Some(hidden)) = (mode, &scope.hidden) {
            warnings.push(format!(
                "{} defines __rseq_abi without exporting it; with --mode own its own registration will be refused",
                hidden.display()
            ));
        }
        let situation = Situation {
            // what cannot be preloaded is left to itself
            mode: if preload { mode } else { Mode::Auto },
            // the libc that we run on stands for the command's
            libc_registered: !switch_libc_off
                && said != RseqTunable::Off
                && dynamic::libc_area().is_some(),
            adopter_size: scope.adopter.as_ref().map(|adopter| adopter.size),
            hidden_definition,
            feature_size: None,
        };
        let (owner, reason) = match plan(&situation) {
            // nobody is there to do it
            Plan::Register { reason, .. } if !preload => (Owner::Client, reason),
            Plan::Register { owner, reason, .. } | Plan::StandAside { owner, reason } => {
                (owner, reason)
            }
        };
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
            preload,
            preload_first,
            warnings,
        }
    }

    /// Puts the decision into the command's environment.
    pub fn apply(
        &self,
        environment: &mut Environment,
        libraries: Option<&Libraries>,
    ) -> Result<(), String> {
        if self.switch_libc_off {
            environment.switch_rseq_off();
        }
        if let Some(libraries) = libraries {
            for library in self.preload_first.iter().rev() {
                environment.preload(library, Place::First)?;
            }
            environment.preload(&libraries.shim, Place::Last)?;
            environment.set("RSEQ_SHIM_MODE", self.mode.name());
        }
        Ok(())
    }

    /// What `--dry-run` prints.
    pub fn describe(&self, target: &Target, environment: &Environment) -> String {
        let mut text = String::new();
        let mut line = |key: &str, value: &str| {
            let _ = writeln!(text, "{key:<12}{value}");
        };
        line("command", &target.path.display().to_string());
        if target.executable != target.path {
            line("executable", &target.executable.display().to_string());
        }
        line("mode", self.mode.name());
        line("owner", self.owner.name());
        line("because", self.reason.text());
        for warning in &self.warnings {
            line("warning", warning);
        }
        if self.switch_libc_off {
            line("set", &environment.assignment("GLIBC_TUNABLES"));
        }
        if self.preload {
            line("set", &environment.assignment("LD_PRELOAD"));
            line("set", &environment.assignment("RSEQ_SHIM_MODE"));
        }
        if !self.switch_libc_off && !self.preload {
            line("set", "nothing");
        }
        text
    }
}
