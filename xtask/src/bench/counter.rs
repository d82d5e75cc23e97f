//! Who counts instructions.

use std::fs::File;
use std::path::PathBuf;
use std::process::Command;

use super::output::output;

/// Who counts.
pub(super) enum Counter {
    /// `tests/labs/stepping/src/bin/instructions.rs`, built.
    Here(PathBuf),
    /// An emulated machine, which has the files of this folder.
    Emulated {
        /// `tests/labs/kernels/src/bin/counted.rs`, built.
        counter: PathBuf,
        folder: PathBuf,
    },
}

impl Counter {
    /// Counts the instructions of each.
    pub(super) fn count(&self, all: &[Vec<String>]) -> Result<Vec<f64>, String> {
        let number = |line: &str| {
            let number = line.trim().parse::<f64>();
            number.map_err(|_| format!("no number: {line}"))
        };
        match self {
            Self::Here(counter) => {
                let said = all
                    .iter()
                    .map(|words| output(Command::new(counter).args(words)));
                said.map(|said| number(&said?)).collect()
            }
            Self::Emulated { counter, folder } => {
                let lines: Vec<_> = all.iter().map(|words| words.join("\t")).collect();
                let input = folder.with_extension("input");
                let say = |error: std::io::Error| format!("{}: {error}", input.display());
                std::fs::write(&input, lines.join("\n")).map_err(say)?;
                let said = output(
                    Command::new(counter)
                        .arg(folder)
                        // it looks for the sources from its own package on
                        .env_remove("CARGO_MANIFEST_DIR")
                        .stdin(File::open(&input).map_err(say)?),
                )?;
                let counted: Vec<f64> = said.lines().map(number).collect::<Result<_, _>>()?;
                if counted.len() != all.len() {
                    return Err(format!("{} numbers for {}", counted.len(), all.len()));
                }
                Ok(counted)
            }
        }
    }
}
