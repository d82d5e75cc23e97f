//! Named steps: what ran, how long it took, what was skipped and why.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// The steps of one chore.
pub struct Steps {
    root: PathBuf,
    done: Vec<(String, Outcome)>,
}

enum Outcome {
    Passed(Duration),
    Failed(Duration),
    Skipped(String),
}

impl Steps {
    /// No steps yet, in the workspace at `root`.
    pub fn new(root: PathBuf) -> Self {
        Self {
            root,
            done: Vec::new(),
        }
    }

    /// The workspace.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Cargo's target directory.
    pub fn target(&self) -> PathBuf {
        env::var_os("CARGO_TARGET_DIR").map_or_else(|| self.root.join("target"), PathBuf::from)
    }

    /// This very cargo, in the workspace.
    pub fn cargo(&self) -> Command {
        let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo.current_dir(&self.root);
        cargo
    }

    /// Runs a command; its failure is the chore's.
    pub fn run(&mut self, name: &str, command: &mut Command) -> Result<(), String> {
        eprintln!("== {name}");
        let start = Instant::now();
        let status = command.status();
        let took = start.elapsed();
        let (outcome, result) = match status {
            Ok(status) if status.success() => (Outcome::Passed(took), Ok(())),
            Ok(status) => (
                Outcome::Failed(took),
                Err(format!("{name} failed: {status}")),
            ),
            Err(error) => (
                Outcome::Failed(took),
                Err(format!(
                    "{name}: cannot start {}: {error}",
                    command.get_program().display()
                )),
            ),
        };
        self.done.push((name.to_owned(), outcome));
        result
    }

    /// Notes a step that cannot run here.
    pub fn skip(&mut self, name: &str, reason: String) {
        self.done.push((name.to_owned(), Outcome::Skipped(reason)));
    }

    /// Prints what became of every step.
    pub fn summary(&self) {
        eprintln!();
        for (name, outcome) in &self.done {
            match outcome {
                Outcome::Passed(took) => {
                    eprintln!("  passed   {name} ({:.1} s)", took.as_secs_f32());
                }
                Outcome::Failed(took) => {
                    eprintln!("  failed   {name} ({:.1} s)", took.as_secs_f32());
                }
                Outcome::Skipped(reason) => eprintln!("  skipped  {name}: {reason}"),
            }
        }
    }
}
