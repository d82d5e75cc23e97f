//! What a test needs of the machine.
//!
//! A [`Prerequisite`] is one such thing. The common ones are here; a laboratory has
//! its own beside what it is about.

mod host;
mod words;

use std::fmt::Debug;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use crate::child::Program;

pub use host::{Asked, Glibc, Sanitizer, Tool};

/// One thing that a machine may lack.
pub trait Prerequisite: Debug + Send + Sync {
    /// Checks whether the machine has it.
    ///
    /// # Errors
    ///
    /// It does not: one clause that says what is missing.
    fn check(&self) -> Result<(), String>;
}

/// A prerequisite, to be handed around.
#[derive(Clone, Copy, Debug)]
pub struct Need(&'static dyn Prerequisite);

impl Need {
    /// Makes a need of a prerequisite that is known when the test is built.
    #[must_use]
    pub const fn new(prerequisite: &'static dyn Prerequisite) -> Self {
        Self(prerequisite)
    }

    /// Makes a need of a prerequisite that is known when the test runs. It is kept until the
    /// process ends.
    #[must_use]
    pub fn of(prerequisite: impl Prerequisite + 'static) -> Self {
        Self(Box::leak(Box::new(prerequisite)))
    }

    /// Checks the machine; see [`Prerequisite::check`].
    ///
    /// # Errors
    ///
    /// The machine lacks it.
    pub fn check(self) -> Result<(), String> {
        self.0.check()
    }
}

/// One need or several: what the attribute `rseq_kit::test` takes.
pub trait Needs {
    /// Adds them to the list.
    fn append(self, list: &mut Vec<Need>);
}

impl Needs for Need {
    fn append(self, list: &mut Vec<Need>) {
        list.push(self);
    }
}

impl<const N: usize> Needs for [Need; N] {
    fn append(self, list: &mut Vec<Need>) {
        list.extend(self);
    }
}

impl Needs for Vec<Need> {
    fn append(self, list: &mut Vec<Need>) {
        list.extend(self);
    }
}

/// Returns the path of a program in `PATH`.
///
/// # Errors
///
/// It is not there.
pub fn program(name: &str) -> Result<PathBuf, String> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .map(|directory| directory.join(name))
        .find(|candidate| candidate.is_file())
        .ok_or_else(|| format!("needs {name} in PATH"))
}

/// Returns the Python interpreter itself: `python3` may be a script that finds it.
///
/// # Errors
///
/// There is none, or it is not C Python.
pub fn python() -> Result<PathBuf, String> {
    static PYTHON: LazyLock<Result<PathBuf, String>> = LazyLock::new(|| {
        let ask = "import sys; print(sys.implementation.name, sys.executable)";
        let answer = Program::with_callers_environment(program("python3")?)
            .args(["-c", ask])
            .run()?;
        match answer.out.trim().split_once(' ') {
            Some(("cpython", path)) if Path::new(path).is_file() => Ok(path.into()),
            _ => Err("needs C Python as python3".to_owned()),
        }
    });
    PYTHON.clone()
}
