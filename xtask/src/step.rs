//! Named steps: what ran, how long it took, what was skipped and why.

use std::env;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// The oldest glibc that rseqctl starts with.
pub const OLDEST_GLIBC: &str = "2.17";

/// The steps of one chore.
pub struct Steps {
    root: PathBuf,
    done: Vec<(String, Outcome)>,
    /// The exit status of the chore where it fails.
    status: u8,
}

/// What became of a step.
pub enum Outcome {
    /// It took this long.
    Passed(Duration),
    /// Likewise.
    Failed(Duration),
    /// It was not run: this number of tests passed when it last was, and nothing has
    /// changed since.
    Unchanged(u64),
    /// It did not run, for this reason.
    Skipped(String),
}

impl Steps {
    /// No steps yet, in the workspace at `root`.
    pub fn new(root: PathBuf) -> Self {
        Self {
            root,
            done: Vec::new(),
            status: 1,
        }
    }

    /// The exit status of the chore where it fails.
    pub fn status(&self) -> u8 {
        self.status
    }

    /// Makes this the exit status of the chore where it fails.
    pub fn fail_with(&mut self, status: u8) {
        self.status = status;
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
        // what is built, tested and measured here is what is shipped
        cargo.env("RSEQCTL_FLOOR", OLDEST_GLIBC);
        cargo
    }

    /// Notes what became of a step that somebody else has run.
    pub fn note(&mut self, name: &str, outcome: Outcome) {
        self.done.push((name.to_owned(), outcome));
    }

    /// Takes over the steps of a part of the chore that ran beside this one.
    pub fn merge(&mut self, other: Self) {
        self.done.extend(other.done);
    }

    /// As [`Steps::run`], and returns what the command printed.
    pub fn capture(&mut self, name: &str, command: &mut Command) -> Result<String, String> {
        let mut text = String::new();
        self.timed(name, command, |command| {
            let output = command.stderr(Stdio::inherit()).output()?;
            text = String::from_utf8_lossy(&output.stdout).into_owned();
            Ok(output.status)
        })?;
        Ok(text)
    }

    /// Runs a command; its failure is the chore's.
    pub fn run(&mut self, name: &str, command: &mut Command) -> Result<(), String> {
        self.timed(name, command, Command::status)
    }

    /// As [`Steps::run`], and where the command exits with a status of its own, the chore
    /// does so, too.
    pub fn run_for_status(&mut self, name: &str, command: &mut Command) -> Result<(), String> {
        let mut code = None;
        let done = self.timed(name, command, |command| {
            let status = command.status()?;
            code = status.code();
            Ok(status)
        });
        if let Some(code) = code.and_then(|code| u8::try_from(code).ok()) {
            self.fail_with(code.max(1));
        }
        done
    }

    /// Runs a step that needs no other program; its failure is the chore's.
    pub fn own(
        &mut self,
        name: &str,
        run: impl FnOnce() -> Result<(), String>,
    ) -> Result<(), String> {
        eprintln!("== {name}");
        let start = Instant::now();
        let result = run();
        let took = start.elapsed();
        let outcome = match result {
            Ok(()) => Outcome::Passed(took),
            Err(_) => Outcome::Failed(took),
        };
        self.done.push((name.to_owned(), outcome));
        result
    }

    fn timed(
        &mut self,
        name: &str,
        command: &mut Command,
        run: impl FnOnce(&mut Command) -> io::Result<ExitStatus>,
    ) -> Result<(), String> {
        eprintln!("== {name}");
        let start = Instant::now();
        let status = run(command);
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
                    eprintln!("  passed    {name} ({:.1} s)", took.as_secs_f32());
                }
                Outcome::Failed(took) => {
                    eprintln!("  failed    {name} ({:.1} s)", took.as_secs_f32());
                }
                Outcome::Unchanged(count) => {
                    eprintln!("  unchanged {name} ({count} tests passed on this tree)");
                }
                Outcome::Skipped(reason) => eprintln!("  skipped   {name}: {reason}"),
            }
        }
    }
}
