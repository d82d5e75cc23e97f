//! Runs the workspace's test targets, a few at a time: many of them wait (for an
//! emulated machine, for a compiler, for a time limit), so two cores are better
//! used side by side than one target after the other.
//!
//! As root each has a process namespace of its own, so that those who look at all processes
//! and those whose threads are counted are not in each other's way.
//!
//! What a target prints is shown as one block when it ends. A target that fails
//! does not stop the others. What took longest the last time begins first, so that the
//! short ones fill the gaps.

use std::collections::BTreeMap;
use std::io::{Read, Seek, Write};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::alone;
use crate::setup;
use crate::step::{Outcome, Steps};
use crate::unchanged::{Stamps, Verdict};

/// Targets that take longest, for a first run, which has no times of an earlier one.
const LONGEST: [&str; 17] = [
    "kernels",
    "aarch64-clients",
    "aarch64-patches",
    "kernels:command",
    "patches",
    "glibcs",
    "conformance",
    "adopters",
    "kernels:aarch64",
    "s390x",
    "packaged",
    "aarch64-stepping",
    "authors",
    "aarch64-programs",
    "ps",
    "fixtures",
    DOCUMENTATION,
];

/// Test targets at a time. Each uses as many threads as there are processors, so
/// this is for those that wait.
pub const SIDE_BY_SIDE: NonZeroUsize = NonZeroUsize::new(4).unwrap();

/// The examples of the documentation, which only cargo can run.
const DOCUMENTATION: &str = "documentation";

/// Tells a target of the tests' kit which of its tests to run, by name, one a line.
const ONLY: &str = "RSEQ_TESTS_ONLY";

/// Tells a target whether emulated machines whose answers are kept are booted again.
const GUESTS: &str = "RSEQ_GUESTS";

/// A built test target, or the examples of the documentation.
pub struct Target {
    /// Its name, and where several packages have one of that name, its package's, too.
    pub name: String,
    /// The folder of its package, in which cargo runs tests.
    folder: PathBuf,
    /// None where cargo runs it.
    executable: Option<PathBuf>,
    /// The tests to run: those that were skipped when the others passed on this tree.
    /// None for all.
    only: Option<Vec<String>>,
}

impl Target {
    /// Returns the command that runs it as cargo would; none where only cargo can.
    pub fn command(&self, steps: &Steps) -> Option<Command> {
        let mut command = alone::command(self.executable.as_ref()?);
        command
            .current_dir(&self.folder)
            .env("CARGO", steps.cargo().get_program())
            .env("CARGO_MANIFEST_DIR", &self.folder);
        Some(command)
    }
}

/// What became of a target.
pub struct Run {
    pub name: String,
    pub outcome: Outcome,
    pub passed: u64,
    failed: u64,
    ignored: u64,
    /// The names of those that were skipped, as far as the target tells them.
    skipped: Vec<String>,
    /// What it printed.
    pub text: String,
}

impl Run {
    /// The tests of it that failed, each as `TARGET: TEST`; the target alone where it ended
    /// without saying which.
    pub fn failures(&self) -> Vec<String> {
        if matches!(self.outcome, Outcome::Passed(_)) {
            return Vec::new();
        }
        let lines = self.text.lines();
        let names: Vec<_> = lines
            .filter_map(|line| {
                let (name, verdict) = line.strip_prefix("test ")?.rsplit_once(" ... ")?;
                (verdict == "FAILED").then(|| format!("{}: {}", self.name, name.trim_end()))
            })
            .collect();
        if names.is_empty() {
            return vec![self.name.clone()];
        }
        names
    }

    /// The tests of it that were skipped, each as `TARGET: TEST`, as far as it tells them.
    pub fn skipped(&self) -> Vec<String> {
        let whole = |name| format!("{}: {name}", self.name);
        self.skipped.iter().map(whole).collect()
    }
}

/// Returns what has passed on this tree, and how long targets took.
pub fn stamps(steps: &Steps) -> Stamps {
    let times = setup::cache().unwrap_or_else(|_| steps.target());
    Stamps::read(steps.root(), &steps.target(), &times.join("times"))
}

/// Builds all test targets of the workspace and runs them and the documentation's tests,
/// [`SIDE_BY_SIDE`] at a time. What `stamps` has as passed on this tree is not run again.
/// Emulated machines whose answers are kept are booted again where everything is to be
/// `fresh`.
///
/// # Errors
///
/// Something does not build, or a test failed. All of them have been run by then.
pub fn run(steps: &mut Steps, stamps: &Stamps, fresh: bool) -> Result<(), String> {
    let mut targets = build(steps, stamps)?;
    let mut unchanged = 0;
    targets.retain_mut(|target| {
        let Some(passed) = stamps.passed(&target.name) else {
            return true;
        };
        unchanged += passed.count;
        if passed.skipped.is_empty() {
            let outcome = Outcome::Unchanged(passed.count);
            steps.note(&format!("test {}", target.name), outcome);
            return false;
        }
        target.only = Some(passed.skipped);
        true
    });
    eprintln!(
        "== test: {} targets, {SIDE_BY_SIDE} at a time",
        targets.len()
    );
    let start = Instant::now();
    let runs = run_all(&targets, steps, SIDE_BY_SIDE, fresh, |target, run| {
        print(target, run);
        stamp(stamps, target, run);
    });
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
    eprintln!("all tests took {:.1} s", start.elapsed().as_secs_f32());
    if broken.is_empty() {
        return Ok(());
    }
    Err(format!("these test targets failed: {}", broken.join(", ")))
}

/// Runs targets in this order, so many at a time, and hands over each that has ended.
pub fn run_all(
    targets: &[Target],
    steps: &Steps,
    side_by_side: NonZeroUsize,
    fresh: bool,
    ended: impl Fn(&Target, &Run) + Sync,
) -> Vec<Run> {
    let queue = Mutex::new(targets.iter());
    let done = Mutex::new(Vec::new());
    let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).next();
    std::thread::scope(|scope| {
        for _ in 0..side_by_side.get() {
            scope.spawn(|| {
                while let Some(target) = next() {
                    let run = run_one(target, steps, fresh);
                    ended(target, &run);
                    done.lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .push(run);
                }
            });
        }
    });
    done.into_inner().unwrap_or_else(PoisonError::into_inner)
}

/// Keeps what passed as a whole. Tests that were skipped run again, since what they lack
/// may be there the next time; all of a target that does not tell their names.
fn stamp(stamps: &Stamps, target: &Target, run: &Run) {
    let Outcome::Passed(took) = run.outcome else {
        stamps.remove(&run.name);
        return;
    };
    if run.ignored != run.skipped.len() as u64 {
        stamps.remove(&run.name);
        return;
    }
    let before = match target.only {
        Some(_) => stamps.passed(&run.name).map_or(0, |passed| passed.count),
        None => 0,
    };
    if target.only.is_none() {
        stamps.note_time(&run.name, took);
    }
    let verdict = Verdict {
        count: before + run.passed,
        skipped: run.skipped.clone(),
    };
    stamps.note(&run.name, &verdict);
}

/// Builds all test targets. Returns those that hold tests, and the documentation's; what
/// took longest the last time comes first.
///
/// # Errors
///
/// Something does not build.
pub fn build(steps: &mut Steps, stamps: &Stamps) -> Result<Vec<Target>, String> {
    let mut targets = built(steps, &["--workspace"])?;
    tell_apart(&mut targets);
    targets.push(Target {
        name: DOCUMENTATION.to_owned(),
        folder: steps.root().to_owned(),
        executable: None,
        only: None,
    });
    targets.sort_by_key(|target| {
        let last = stamps.time(&target.name);
        let rank = LONGEST.iter().position(|name| *name == target.name);
        let guess = Duration::from_secs(rank.map_or(0, |rank| 600 - rank as u64));
        std::cmp::Reverse(last.unwrap_or(guess))
    });
    Ok(targets)
}

/// Builds the test targets below the folder `tests` of a package, and returns them by name.
///
/// # Errors
///
/// Something does not build.
pub fn of_package(steps: &mut Steps, package: &str) -> Result<Vec<Target>, String> {
    let mut targets = built(steps, &["-p", package, "--test", "*"])?;
    targets.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(targets)
}

/// Builds the test targets that cargo takes `which` for.
fn built(steps: &mut Steps, which: &[&str]) -> Result<Vec<Target>, String> {
    let mut cargo = steps.cargo();
    cargo
        .args(["test", "--no-run"])
        .args(which)
        .arg("--message-format=json-render-diagnostics")
        .stdout(Stdio::piped());
    let output = steps.capture("build the tests", &mut cargo)?;
    let targets = output
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter_map(|message| target_of(&message));
    Ok(targets.collect())
}

/// Names targets of several packages that are called alike after their package, too: what
/// is kept of one must not be taken for another's.
fn tell_apart(targets: &mut [Target]) {
    let mut count = BTreeMap::<_, u32>::new();
    for target in &*targets {
        *count.entry(target.name.clone()).or_default() += 1;
    }
    for target in targets.iter_mut().filter(|it| count[&it.name] > 1) {
        let package = target.folder.file_name().unwrap_or_default();
        target.name = format!("{}:{}", package.display(), target.name);
    }
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
            "bin" => format!("{package}:{name} (program)"),
            _ => format!("{package}:{name}"),
        },
        executable: Some(executable.into()),
        folder,
        only: None,
    })
}

fn run_one(target: &Target, steps: &Steps, fresh: bool) -> Run {
    let start = Instant::now();
    let text = output_of(target, steps, fresh);
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
        skipped: skipped(&text),
        text: String::new(),
    };
    for line in text.lines().filter(|line| line.starts_with("test result:")) {
        run.passed += count(line, "passed");
        run.failed += count(line, "failed");
        run.ignored += count(line, "ignored");
    }
    run.text = text;
    run
}

/// What the target prints, on both streams as they come, and whether it succeeded.
fn output_of(target: &Target, steps: &Steps, fresh: bool) -> Result<(String, bool), String> {
    let mut command = target.command(steps).unwrap_or_else(|| {
        let mut cargo = steps.cargo();
        cargo.args(["test", "--workspace", "--doc", "--quiet"]);
        cargo
    });
    let program = &target.name;
    let say = |error: std::io::Error| format!("{program}: {error}");
    if let Some(names) = &target.only {
        command.env(ONLY, names.join("\n"));
    }
    if fresh {
        command.env(GUESTS, "fresh");
    }
    // one file for both streams, which nobody else finds
    let mut file = tempfile::tempfile().map_err(say)?;
    let status = command
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
        let ended = format!("{program}: {status}\n");
        text += &ended;
    }
    Ok((text, status.success()))
}

/// One write, so that blocks of several targets do not mix.
fn print(target: &Target, run: &Run) {
    let (Outcome::Passed(took) | Outcome::Failed(took)) = run.outcome else {
        return;
    };
    let only = match &target.only {
        Some(names) => format!(", only the {} skipped before", names.len()),
        None => String::new(),
    };
    let block = format!(
        "\n== test {} ({:.1} s{only})\n{}",
        target.name,
        took.as_secs_f32(),
        run.text
    );
    let _ = std::io::stdout().lock().write_all(block.as_bytes());
}

/// The names in the lines `skipped: NAME: REASON` that the tests' kit prints behind the
/// closing line; before it a test may print such lines of its own.
fn skipped(text: &str) -> Vec<String> {
    let (_, end) = text.rsplit_once("\ntest result:").unwrap_or_default();
    end.lines()
        .filter_map(|line| line.strip_prefix("skipped: ")?.split_once(": "))
        .map(|(name, _)| name.to_owned())
        .collect()
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
    use std::time::Duration;

    use super::{Outcome, Run, Target, count, skipped, tell_apart};

    #[test]
    fn names_of_failed_tests_are_read() {
        let run = |outcome, text: &str| Run {
            name: "suite".to_owned(),
            outcome,
            passed: 0,
            failed: 0,
            ignored: 0,
            skipped: Vec::new(),
            text: text.to_owned(),
        };
        let took = Duration::ZERO;
        let text = "test a::b   ... FAILED\ntest c ... ok\ntest d ... FAILED\n";
        let failed = run(Outcome::Failed(took), text);
        assert_eq!(failed.failures(), ["suite: a::b", "suite: d"]);
        assert_eq!(run(Outcome::Failed(took), "").failures(), ["suite"]);
        assert!(run(Outcome::Passed(took), text).failures().is_empty());
    }

    #[test]
    fn targets_that_are_called_alike_are_told_apart() {
        let target = |package: &str, name: &str| Target {
            name: name.to_owned(),
            folder: package.into(),
            executable: None,
            only: None,
        };
        let mut targets = [
            target("/w/kernels", "command"),
            target("/w/suites", "command"),
            target("/w/suites", "loading"),
        ];
        tell_apart(&mut targets);
        let names = targets.map(|target| target.name);
        assert_eq!(names, ["kernels:command", "suites:command", "loading"]);
    }

    #[test]
    fn names_of_skipped_tests_are_read() {
        let text = "skipped: question: no\n\ntest result: ok. 1 passed; 2 ignored;\n\n\
                    skipped: a::b: needs x: y\nskipped: c: no z\n";
        assert_eq!(skipped(text), ["a::b", "c"]);
        assert!(skipped("\ntest result: ok.\nnot skipped: a: b").is_empty());
    }

    #[test]
    fn counts_are_read_off_the_closing_line() {
        let line = "test result: FAILED. 5 passed; 2 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.01s";
        assert_eq!(count(line, "passed"), 5);
        assert_eq!(count(line, "failed"), 2);
        assert_eq!(count(line, "ignored"), 1);
        assert_eq!(count("test result: ok.", "passed"), 0);
    }
}
