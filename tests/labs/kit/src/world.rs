//! The worlds of a lab: who registers rseq.

use rseq_kit::child::Program;
use rseq_kit::world::GLIBC_OFF;

use crate::files::files;

/// Who registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum World {
    /// The program as it is: glibc registers, nothing is preloaded.
    Without,
    /// glibc is switched off and the shim registers.
    Shim,
    /// glibc registers and the shim is preloaded.
    Libc,
}

impl World {
    /// All, the one to compare with first.
    pub const ALL: [Self; 3] = [Self::Without, Self::Shim, Self::Libc];

    /// Its name in the table.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Without => "without",
            Self::Shim => "the shim owns",
            Self::Libc => "the libc owns",
        }
    }

    /// The variables that make it.
    ///
    /// # Errors
    ///
    /// The shim does not build.
    pub fn variables(self) -> Result<Vec<(&'static str, String)>, String> {
        let mut variables = Vec::new();
        if self == Self::Shim {
            variables.push(("GLIBC_TUNABLES", GLIBC_OFF.to_owned()));
        }
        if self != Self::Without {
            variables.push(("LD_PRELOAD", files()?.shim.display().to_string()));
        }
        Ok(variables)
    }

    /// Puts a program and all it starts into this world.
    ///
    /// # Errors
    ///
    /// As [`Self::variables`].
    pub fn prepare(self, program: Program) -> Result<Program, String> {
        Ok(self
            .variables()?
            .into_iter()
            .fold(program, |program, (name, value)| program.env(name, value)))
    }

    /// The variables as words for env(1): for a script that puts only one of its
    /// programs into this world.
    ///
    /// # Errors
    ///
    /// As [`Self::variables`].
    pub fn words(self) -> Result<String, String> {
        let words = self.variables()?;
        let words = words.iter().map(|(name, value)| format!("{name}={value}"));
        Ok(words.collect::<Vec<_>>().join(" "))
    }
}
