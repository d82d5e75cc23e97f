//! One program in one world, as plain data: what to execute, with which
//! environment.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::owner::Owner;
use super::source::Source;
use rseq_kit::child::{Finished, Program};

/// How to start a program with another C library than the system's.
#[derive(Clone, Debug)]
pub struct Loader {
    /// Its dynamic linker.
    pub ld_so: PathBuf,
    /// Folders with its libraries.
    pub libraries: Vec<PathBuf>,
}

/// Where the files are in the world where a cell runs, which need not be this
/// one.
#[derive(Clone, Debug)]
pub struct Place {
    /// The folder with the suite's programs and libraries.
    pub programs: PathBuf,
    /// `librseq_shim.so`.
    pub shim: PathBuf,
    /// The C library, unless it is the system's.
    pub loader: Option<Loader>,
}

/// One program in one world.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cell {
    /// The program's name.
    pub program: String,
    /// Whose world it is.
    pub owner: Owner,
    /// Path and arguments.
    pub words: Vec<String>,
    /// Variables. Nothing else should be set but what the system needs.
    pub environment: Vec<(String, String)>,
}

/// What the name of a program that exports `__rseq_abi` ends with.
pub const EXPORTING: &str = "-exporting";

/// A program runs for ten seconds on an idle machine; it gives up by itself
/// after 150.
pub const LIMIT: Duration = Duration::from_secs(180);

/// With more threads than usual (`CONFORMANCE_THREADS`).
const SOAK: Duration = Duration::from_secs(1200);

impl Cell {
    /// `program` in the world of `owner` at `place`.
    #[must_use]
    pub fn new(program: &Source, owner: Owner, place: &Place) -> Self {
        Self::with_preloads(program, owner, place, &[], &[])
    }

    /// The same, with other libraries preloaded before and after the owner's.
    #[must_use]
    pub fn with_preloads(
        program: &Source,
        owner: Owner,
        place: &Place,
        before: &[PathBuf],
        after: &[PathBuf],
    ) -> Self {
        let text = |path: &Path| path.display().to_string();
        let mut path = text(&place.programs.join(&program.name));
        if owner.has_exporting_programs() {
            path.push_str(EXPORTING);
        }
        let mut preload: Vec<String> = before.iter().map(|path| text(path)).collect();
        if owner.has_adopter() {
            preload.push(text(&place.programs.join("adopter.so")));
        }
        if owner.has_shim() {
            preload.push(text(&place.shim));
        }
        preload.extend(after.iter().map(|path| text(path)));
        let mut environment: Vec<(String, String)> = owner
            .environment()
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        environment.push(("CONFORMANCE_HOME".to_owned(), text(&place.programs)));
        let words = match &place.loader {
            None => {
                if !preload.is_empty() {
                    environment.push(("LD_PRELOAD".to_owned(), preload.join(" ")));
                }
                vec![path]
            }
            Some(loader) => {
                let mut words = vec![text(&loader.ld_so)];
                if !preload.is_empty() {
                    words.extend(["--preload".to_owned(), preload.join(" ")]);
                }
                let folders: Vec<_> = loader.libraries.iter().map(|path| text(path)).collect();
                words.extend(["--library-path".to_owned(), folders.join(":"), path]);
                // words that hold blanks stand in the variable with tabs between
                environment.push(("CONFORMANCE_AGAIN".to_owned(), words.join("\t")));
                words
            }
        };
        Self {
            program: program.name.clone(),
            owner,
            words,
            environment,
        }
    }

    /// Runs it here.
    ///
    /// # Errors
    ///
    /// It cannot be started, or takes too long.
    pub fn run(&self) -> Result<Finished, String> {
        self.as_program()?.run()
    }

    /// The cell as a program to be started here.
    ///
    /// # Errors
    ///
    /// It has no words.
    pub fn as_program(&self) -> Result<Program, String> {
        let (first, rest) = self.words.split_first().ok_or("a cell without words")?;
        let mut program = Program::new(first).args(rest).limit(LIMIT);
        for (name, value) in &self.environment {
            program = program.env(name, value);
        }
        if let Some(rounds) = std::env::var_os("CONFORMANCE_ROUNDS") {
            program = program.env("CONFORMANCE_ROUNDS", rounds);
        }
        if let Some(threads) = std::env::var_os("CONFORMANCE_THREADS") {
            program = program.env("CONFORMANCE_THREADS", threads).limit(SOAK);
        }
        Ok(program)
    }
}
