//! Runs the workspace's test targets, a few at a time: many of them wait (for an
//! emulated machine, for a compiler, for a time limit), so two cores are better
//! used side by side than one target after the other.
//!
//! What a target prints is shown as one block when it ends. A target that fails
//! does not stop the others.

use std::collections::VecDeque;
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::step::{Outcome, Steps};
use crate::unchanged::Stamps;

/// Targets that take longest, so that they begin first and the short ones fill the
/// gaps.
const LONGEST: [&str; 5] = ["patches", "kernels", "conformance", "glibcs", "host"];

/// A built test target.
struct Target {
    name: String,
    /// The folder of its package, in which cargo runs tests.
    folder: PathBuf,
    executable: PathBuf,
}

/// What became of a target.
struct Run {
    name: String,
    outcome: Outcome,
    passed: u64,
    failed: u64,
    ignored: u64,
}

/// Builds all test targets of the workspace and runs them, `side_by_side` at a
/// time; then the documentation's tests. Targets that `stamps` has as passed on this
/// tree are not run again.
///
/// # Errors
///
/// Something does not build, or a test failed. All of them have been run by then.
pub fn run(steps: &mut Steps, stamps: &Stamps, side_by_side: usize) -> Result<(), String> {
    let mut targets = build(steps)?;
    let mut unchanged = 0;
    targets.retain(|target| match stamps.passed(&target.name) {
        Some(count) => {
            unchanged += count;
            steps.note(&format!("test {}", target.name), Outcome::Unchanged(count));
            false
        }
        None => true,
    });
    eprintln!(
        "== test: {} targets, {side_by_side} at a time",
        targets.len()
    );
    let start = Instant::now();
    let queue = Mutex::new(VecDeque::from(targets));
    let done = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..side_by_side {
            scope.spawn(|| {
                while let Some(target) = take(&queue) {
                    let run = run_one(&target, steps);
                    stamp(stamps, &run);
                    done.lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .push(run);
                }
            });
        }
    });
    let runs = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    let sum = |count: fn(&Run) -> u64| runs.iter().map(count).sum::<u64>();
    let (passed, failed, ignored) = (
        sum(|run| run.passed),
        sum(|run| run.failed),
        sum(|run| run.ignored),
    );
    let mut broken = Vec::new();
    for run in runs {
        if !matches!(run.outcome, Outcome::Passed(_)) {
            broken.push(run.name.clone());
        }
        steps.note(&format!("test {}", run.name), run.outcome);
    }
    println!();
    println!("{passed} passed, {failed} failed, {ignored} skipped");
    if unchanged > 0 {
        println!(
            "{unchanged} not run: they passed on this tree (`cargo xtask test --fresh` runs them)"
        );
    }
    let documentation = steps.run(
        "documentation tests",
        steps
            .cargo()
            .args(["test", "--workspace", "--doc", "--quiet"]),
    );
    eprintln!("all tests took {:.1} s", start.elapsed().as_secs_f32());
    if !broken.is_empty() {
        return Err(format!("these test targets failed: {}", broken.join(", ")));
    }
    documentation
}

/// Keeps what passed as a whole. A target with skipped tests runs again: what it
/// lacks may be there the next time.
fn stamp(stamps: &Stamps, run: &Run) {
    match run.outcome {
        Outcome::Passed(_) if run.ignored == 0 => stamps.note(&run.name, run.passed),
        _ => stamps.remove(&run.name),
    }
}

fn take(queue: &Mutex<VecDeque<Target>>) -> Option<Target> {
    queue
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .pop_front()
}

/// Builds all test targets. Returns those that hold tests, the longest first.
fn build(steps: &mut Steps) -> Result<Vec<Target>, String> {
    let mut cargo = steps.cargo();
    cargo
        .args(["test", "--workspace", "--no-run"])
        .arg("--message-format=json-render-diagnostics")
        .stdout(Stdio::piped());
    let output = steps.capture("build the tests", &mut cargo)?;
    let mut targets: Vec<_> = output
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter_map(|message| target_of(&message))
        .collect();
    targets.sort_by_key(|target| {
        let rank = LONGEST.iter().position(|name| *name == target.name);
        (rank.unwrap_or(LONGEST.len()), target.name.clone())
    });
    Ok(targets)
}

/// The target that one of cargo's messages is about, if it is a test's.
fn target_of(message: &Value) -> Option<Target> {
    let executable = message.get("executable")?.as_str()?;
    if !message.pointer("/profile/test")?.as_bool()? {
        return None;
    }
    let manifest = Path::new(message.get("manifest_path")?.as_str()?);
    let folder = manifest.parent()?.to_owned();
    let kind = message.pointer("/target/kind/0")?.as_str()?;
    let name = message.pointer("/target/name")?.as_str()?;
    let package = folder.file_name()?.to_str()?;
    Some(Target {
        // a library's or a program's own tests are named after both
        name: match kind {
            "test" => name.to_owned(),
            _ => format!("{package}:{name}"),
        },
        executable: executable.into(),
        folder,
    })
}

fn run_one(target: &Target, steps: &Steps) -> Run {
    let start = Instant::now();
    let text = output_of(target, steps);
    let took = start.elapsed();
    let (text, succeeded) = text.unwrap_or_else(|error| (error, false));
    let mut run = Run {
        name: target.name.clone(),
        outcome: if succeeded {
            Outcome::Passed(took)
        } else {
            Outcome::Failed(took)
        },
        passed: 0,
        failed: 0,
        ignored: 0,
    };
    for line in text.lines().filter(|line| line.starts_with("test result:")) {
        run.passed += count(line, "passed");
        run.failed += count(line, "failed");
        run.ignored += count(line, "ignored");
    }
    print(target, took, &text);
    run
}

/// What the target prints, on both streams as they come, and whether it succeeded.
fn output_of(target: &Target, steps: &Steps) -> Result<(String, bool), String> {
    let say = |error: std::io::Error| format!("{}: {error}", target.executable.display());
    // one file for both streams, which nobody else finds
    let mut file = tempfile::tempfile().map_err(say)?;
    let status = Command::new(&target.executable)
        .current_dir(&target.folder)
        .env("CARGO", steps.cargo().get_program())
        .env("CARGO_MANIFEST_DIR", &target.folder)
        .stdin(Stdio::null())
        .stdout(file.try_clone().map_err(say)?)
        .stderr(file.try_clone().map_err(say)?)
        .status()
        .map_err(say)?;
    let mut bytes = Vec::new();
    file.rewind().map_err(say)?;
    file.read_to_end(&mut bytes).map_err(say)?;
    let mut text = String::from_utf8_lossy(&bytes).into_owned();
    if !status.success() {
        let ended = format!("{}: {status}\n", target.executable.display());
        text += &ended;
    }
    Ok((text, status.success()))
}

/// One write, so that blocks of several targets do not mix.
fn print(target: &Target, took: Duration, text: &str) {
    let block = format!(
        "\n== test {} ({:.1} s)\n{text}",
        target.name,
        took.as_secs_f32()
    );
    let _ = std::io::stdout().lock().write_all(block.as_bytes());
}

/// The number before a word in a line like "test result: ok. 5 passed; 0 failed".
fn count(line: &str, word: &str) -> u64 {
    line.split([';', '.'])
        .filter_map(|part| part.trim().strip_suffix(word))
        .find_map(|number| number.trim().parse().ok())
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::count;

    #[test]
    fn counts_are_read_off_the_closing_line() {
        let line = "test result: FAILED. 5 passed; 2 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.01s";
        assert_eq!(count(line, "passed"), 5);
        assert_eq!(count(line, "failed"), 2);
        assert_eq!(count(line, "ignored"), 1);
        assert_eq!(count("test result: ok.", "passed"), 0);
    }
}
