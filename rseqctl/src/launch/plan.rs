//! `--dry-run`: what would be done, and why.

use std::collections::BTreeMap;
use std::io::{self, Write};

use schemars::JsonSchema;
use serde::Serialize;
use tls_model::owner::{Mode, Owner, Reason};
use tls_model::protocol::restart::Permission;
use tls_model::protocol::variable;

use super::decision::Decision;
use super::environment::Environment;
use super::target::Target;
use crate::report::choices::DocumentFormat;
use crate::report::text::without_controls;
use crate::report::{Screen, Word};

/// What `--dry-run` prints.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(title = "rseqctl run --dry-run --format json")]
#[non_exhaustive]
pub struct Plan {
    /// What would be executed.
    pub command: String,
    /// The launchers on the way to the program, by what they were called.
    pub through: Vec<String>,
    /// The executable that was looked at.
    pub executable: String,
    /// Why what it starts in its turn was not looked at; null where it is the
    /// program itself.
    pub not_looked_at: Option<&'static str>,
    /// What the user asked for.
    pub mode: Word<Mode>,
    /// Who would own the registration.
    pub owner: Word<Owner>,
    /// Why.
    pub because: &'static str,
    /// What that comes to for the program.
    pub means: &'static str,
    /// Length in bytes of the shim's registrations; null where it makes none.
    pub length: Option<u32>,
    /// What this kernel does; null where the program does not use rseq itself.
    pub kernel: Option<String>,
    /// Why it would not be started without `--force`; null where it would.
    pub refused: Option<String>,
    /// What the user would be told.
    pub warnings: Vec<String>,
    /// Variables that would be set.
    pub set: BTreeMap<String, String>,
}

impl Plan {
    /// Makes the plan of a decision that has been applied to the environment.
    pub(super) fn new(
        decision: &Decision,
        target: &Target,
        environment: &Environment,
        below: Permission,
    ) -> Self {
        let mut set = BTreeMap::new();
        let at_once = decision.tells_libc_at_once(target, below);
        let tunes = at_once || decision.replace_tunables || decision.surplus.is_some();
        for (name, is_set) in [
            (variable::TUNABLES, tunes),
            (variable::PRELOAD, decision.sets_preload()),
            (variable::MODE, decision.sets_mode(environment)),
            (variable::PLAN, decision.preload),
            (variable::RESTART, decision.sets_preload()),
        ] {
            if is_set && environment.has(name) {
                set.insert(name.to_owned(), environment.value(name));
            }
        }
        Self {
            command: target.path.display().to_string(),
            through: target.through.clone(),
            executable: target.executable.display().to_string(),
            not_looked_at: target.unseen,
            mode: Word(decision.mode),
            owner: Word(decision.owner),
            because: decision.reason.foreseen(),
            means: means(decision, target),
            length: decision.length,
            kernel: decision.kernel.text(),
            refused: decision.hazard.as_ref().map(ToString::to_string),
            warnings: decision.warnings.clone(),
            set,
        }
    }

    /// Writes it.
    ///
    /// # Errors
    ///
    /// Those of `out`.
    pub fn write(
        &self,
        format: DocumentFormat,
        screen: Screen,
        out: &mut impl Write,
    ) -> io::Result<()> {
        match format {
            DocumentFormat::Human => self.human(screen, out),
            DocumentFormat::Json => {
                serde_json::to_writer_pretty(&mut *out, self)?;
                writeln!(out)
            }
        }
    }

    fn human(&self, screen: Screen, out: &mut impl Write) -> io::Result<()> {
        let mut line = |key: &str, value: &str| {
            screen.paragraph(&format!("{key:<12}"), &without_controls(value), out)
        };
        line("command", &self.command)?;
        if !self.through.is_empty() {
            line("through", &self.through.join(", "))?;
        }
        if self.executable != self.command {
            line("executable", &self.executable)?;
        }
        if let Some(why) = self.not_looked_at {
            line("but", why)?;
        }
        line("mode", self.mode.text())?;
        line("owner", self.owner.text())?;
        line("because", self.because)?;
        line("that is", self.means)?;
        if let Some(length) = self.length {
            line("length", &format!("{length} bytes"))?;
        }
        if let Some(kernel) = &self.kernel {
            line("kernel", kernel)?;
        }
        if let Some(refused) = &self.refused {
            line("refused", refused)?;
        }
        for warning in &self.warnings {
            line("warning", warning)?;
        }
        if self.set.is_empty() {
            line("set", "nothing")?;
        }
        // to be copied: never broken into lines
        for (name, value) in &self.set {
            writeln!(out, "{:<12}{name}={}", "set", without_controls(value))?;
        }
        Ok(())
    }
}

/// Returns the decision in plain words.
pub(super) fn means(decision: &Decision, target: &Target) -> &'static str {
    let uses = target.scope().is_some_and(|scope| {
        let mut users = scope.users.iter();
        users.any(|user| user.is_hidden || user.uses_symbol && !user.uses_libcs)
    });
    let hides = target.scope().is_some_and(|scope| scope.hidden.is_some());
    let exports = target.scope().is_some_and(|scope| scope.adopter.is_some());
    match decision.owner {
        Owner::Unavailable => "nobody can register here, and the program does without",
        Owner::Libc if uses && !hides && decision.reason == Reason::LibcOwnsSymbol => {
            "the libc registers the area that the program shares, in every thread at its birth: it \
             does not need rseqctl run"
        }
        Owner::Libc if uses && !hides && !exports => {
            "the libc registers its own area, and nobody the shared one that the program uses: the \
             program runs on its slow path"
        }
        Owner::Libc if uses => {
            "the libc comes first, and what the program brings itself is refused: it runs on its \
             slow path"
        }
        Owner::Libc => {
            "the program brings no area of its own and is served by the libc's: it does not need \
             rseqctl run"
        }
        Owner::Client if decision.switch_libc_off => {
            "the program gets the registration that the libc would have taken from it: without \
             rseqctl run it is refused, and runs on its slow path"
        }
        Owner::Client if uses => "the program registers its own area, and nobody is in its way",
        Owner::Client => "nobody registers, unless the program does so itself",
        Owner::Adopter => {
            "the shim registers the program's area in every thread at its birth: whoever uses it, \
             in whatever library, finds it registered"
        }
        Owner::Shim => {
            "the shim registers an area in every thread at its birth, and shares it with whoever \
             asks"
        }
    }
}
