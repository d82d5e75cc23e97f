//! The programs' sources: what they say in their header comments.

use std::fs;
use std::path::{Path, PathBuf};

use rseq_kit::artifacts::room;
use rseq_kit::folder;

/// A question, as the program that asks it words it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// Its name.
    pub name: String,
    /// What is asked.
    pub text: String,
}

/// A program (or a library of the suite's).
#[derive(Clone, Debug)]
pub struct Source {
    /// File name without extension.
    pub name: String,
    /// The file.
    pub path: PathBuf,
    /// `//! cc: OPTION...`: compiler options.
    pub options: Vec<String>,
    /// `//! uses: LIBRARY...`: libraries of the suite to link with.
    pub uses: Vec<String>,
    /// `//! asks: NAME: TEXT`: the questions, each asked once in every run.
    pub questions: Vec<Question>,
}

/// The folder of the suite.
#[must_use]
pub fn folder() -> PathBuf {
    room().join("conformance")
}

/// All programs, by name.
///
/// # Errors
///
/// A file cannot be read, or its header not be understood.
pub fn programs() -> Result<Vec<Source>, String> {
    read(&folder())
}

/// All libraries, by name: owners, and what is loaded by the programs.
///
/// # Errors
///
/// As [`programs`].
pub fn libraries() -> Result<Vec<Source>, String> {
    read(&folder().join("libraries"))
}

fn read(folder: &Path) -> Result<Vec<Source>, String> {
    folder::with_extension(folder, "c")?
        .into_iter()
        .map(Source::read)
        .collect()
}

impl Source {
    fn read(path: PathBuf) -> Result<Self, String> {
        let text =
            fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        let mut source = Self {
            name: name.into_owned(),
            options: Vec::new(),
            uses: Vec::new(),
            questions: Vec::new(),
            path,
        };
        for line in text.lines() {
            let Some(directive) = line.strip_prefix("//! ") else {
                continue;
            };
            source
                .take(directive)
                .ok_or_else(|| format!("{}: no directive {directive:?}", source.path.display()))?;
        }
        Ok(source)
    }

    fn take(&mut self, directive: &str) -> Option<()> {
        let (word, value) = directive.split_once(": ")?;
        match word {
            "cc" => self
                .options
                .extend(value.split_whitespace().map(str::to_owned)),
            "uses" => self
                .uses
                .extend(value.split_whitespace().map(str::to_owned)),
            "asks" => {
                let (name, text) = value.split_once(": ")?;
                self.questions.push(Question {
                    name: name.to_owned(),
                    text: text.trim().to_owned(),
                });
            }
            _ => return None,
        }
        Some(())
    }
}
