//! The program that opens and closes libraries, and what it says.

use std::fs;
use std::path::{Path, PathBuf};

use rseq_kit::child::{Finished, Program};
use rseq_kit::fixture::built;
use rseq_kit::runner::Outcome;
use rseq_kit::scratch;
use rseq_kit::world::World;

/// The path of a library.
pub fn library(case: &str) -> Result<String, String> {
    Ok(built("loading-library", case)?.display().to_string())
}

/// The driver with the words of `script`; `{CASE}` stands for a library.
pub fn driver(case: &str, script: &str) -> Result<Program, String> {
    with_words(Program::new(built("loading-driver", case)?), script)
}

pub fn with_words(program: Program, script: &str) -> Result<Program, String> {
    Ok(program.args(with_libraries(script)?))
}

/// The words of a script, with paths for its libraries.
pub fn with_libraries(script: &str) -> Result<Vec<String>, String> {
    let mut words = script.split_whitespace();
    words.try_fold(Vec::new(), |mut found, word| {
        let case = word
            .strip_prefix('{')
            .and_then(|word| word.strip_suffix('}'));
        found.push(case.map_or_else(|| Ok(word.to_owned()), library)?);
        Ok(found)
    })
}

/// The same with definers promoted, which is done on request.
pub fn enforced(case: &str, script: &str) -> Result<Program, String> {
    Ok(enforcing(driver(case, script)?))
}

pub fn enforcing(program: Program) -> Program {
    program.env("RSEQ_SHIM_LOADING", "enforce")
}

/// The world without the shim that belongs to one with it.
pub fn without(world: &str) -> &'static str {
    if world == "libc" { "plain" } else { "bare" }
}

pub fn run(world: &str, program: Program) -> Result<Finished, String> {
    let (finished, _records) = World::from_name(world)?.run(program)?;
    finished.expect(0)
}

/// Runs a script and compares its lines, `; ` between them, with `expected`.
pub fn says(world: &str, case: &str, script: &str, expected: &str) -> Outcome {
    lines(&run(world, driver(case, script)?)?, expected)
}

pub fn lines(finished: &Finished, expected: &str) -> Outcome {
    let found = finished.out.trim_end().replace('\n', "; ");
    if found == expected && finished.err.is_empty() {
        return Ok(());
    }
    Err(format!(
        "expected {expected}\n found    {found}\n stderr   {}",
        finished.err
    )
    .into())
}

/// Runs a script with and without the shim: the same lines, and `expected` ones.
pub fn same(world: &str, case: &str, script: &str, expected: &str) -> Outcome {
    says(without(world), case, script, expected)?;
    says(world, case, script, expected)
}

/// A folder with a program, `lib` beside it, and `deep` in that.
pub struct Room(pub PathBuf);

impl Room {
    pub fn new() -> Result<Self, String> {
        let folder = scratch::directory("room")?;
        fs::create_dir_all(folder.join("lib/deep")).map_err(|error| error.to_string())?;
        Ok(Self(folder))
    }

    pub fn put(&self, folder: &str, case: &str) -> Result<(), String> {
        copy(&built("loading-library", case)?, &self.0.join(folder))
    }

    /// A copy of a fixture, in this folder.
    pub fn program(&self, source: &str, case: &str, script: &str) -> Result<Program, String> {
        let file = built(source, case)?;
        copy(&file, &self.0)?;
        with_words(
            Program::new(self.0.join(file.file_name().unwrap_or_default())),
            script,
        )
    }
}

pub fn copy(file: &Path, folder: &Path) -> Result<(), String> {
    let target = folder.join(file.file_name().unwrap_or_default());
    if target.exists() {
        return Ok(());
    }
    fs::copy(file, &target)
        .map(drop)
        .map_err(|error| format!("{}: {error}", target.display()))
}
