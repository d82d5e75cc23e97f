//! Whether a test fails now and then: all of them several times, beside processes that
//! take the processors away.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::num::NonZeroUsize;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use clap::Parser;
use serde::{Deserialize, Serialize};

use crate::setup;
use crate::step::Steps;
use crate::suites::{self, Run, Target};

pub const NAME: &str = "flakiness";

/// Run all tests several times beside processes that spin, and list what failed
#[derive(Parser)]
#[command(name = "cargo xtask lab flakiness --")]
struct Choice {
    /// How many times everything is run, with those that `--continue` counts
    #[arg(long, default_value_t = 10)]
    runs: u32,
    /// How many processes spin meanwhile
    #[arg(long, default_value_t = 4)]
    spinning: u32,
    /// How many test targets run at a time
    #[arg(long, default_value_t = suites::SIDE_BY_SIDE)]
    side_by_side: NonZeroUsize,
    /// Only test targets of these names
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    targets: Vec<String>,
    /// All but test targets of these names
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    except: Vec<String>,
    /// Count the runs of this very tree that were made before, beside as many processes
    #[arg(long = "continue", conflicts_with_all = ["targets", "except"])]
    go_on: bool,
    /// Begin no further run when so much time is over
    #[arg(long)]
    minutes: Option<u64>,
}

/// Runs the tests, and prints a line for each run and one for each test that failed or was
/// skipped. Nothing
/// counts as unchanged; answers of emulated machines that are kept are judged again, and
/// the machines are not booted. What a target that failed has printed is kept below the
/// target folder.
///
/// # Errors
///
/// Something does not build, a test failed, the tree was changed meanwhile, or the time was
/// over before all runs were made.
pub fn run(steps: &mut Steps, words: &[String]) -> Result<(), String> {
    let program = [NAME.to_owned()];
    let choice = match Choice::try_parse_from(program.iter().chain(words)) {
        Ok(choice) => choice,
        Err(error) if error.use_stderr() => return Err(error.to_string()),
        Err(help) => {
            print!("{help}");
            return Ok(());
        }
    };
    let stamps = suites::stamps(steps);
    let mut targets = suites::build(steps, &stamps)?;
    for name in choice.targets.iter().chain(&choice.except) {
        if !targets.iter().any(|target| target.name == *name) {
            return Err(format!("there is no test target {name:?}"));
        }
    }
    targets.retain(|target| {
        (choice.targets.is_empty() || choice.targets.contains(&target.name))
            && !choice.except.contains(&target.name)
    });
    let folder = steps.target().join(NAME);
    let say = |error: std::io::Error| format!("{}: {error}", folder.display());
    if !choice.go_on {
        let _ = fs::remove_dir_all(&folder);
    }
    fs::create_dir_all(&folder).map_err(say)?;
    let kept = match stamps.tree() {
        Some(tree) if choice.targets.is_empty() && choice.except.is_empty() => {
            Kept::of(tree, choice.spinning).ok()
        }
        _ => None,
    };
    let mut tally = Tally::default();
    println!("| run | took | passed | failed |\n|---:|---:|---:|---:|");
    if choice.go_on {
        let kept = kept.as_ref().ok_or(
            "nothing is kept here: it takes git, Debian's list of packages, a cache directory, \
             and files under test that are built here",
        )?;
        for run in kept.runs()? {
            println!("{}", run.row());
            tally.add(&run);
        }
    }
    let spinning = Spinning::start(choice.spinning)?;
    let start = Instant::now();
    for number in tally.runs + 1..=choice.runs {
        let over = |minutes| start.elapsed() >= Duration::from_secs(60 * minutes);
        if choice.minutes.is_some_and(over) {
            break;
        }
        let run = one(steps, &targets, number, choice.side_by_side, &folder);
        println!("{}", run.row());
        if suites::stamps(steps).tree() != stamps.tree() {
            return Err("this tree was changed meanwhile: nobody knows what was tested".to_owned());
        }
        tally.add(&run);
        if let Some(kept) = &kept {
            kept.add(&run)?;
        }
    }
    drop(spinning);
    print!("\n{}", tally.text());
    if !tally.failures.is_empty() {
        return Err(format!("what they printed is in {}", folder.display()));
    }
    if tally.runs < choice.runs {
        let (made, asked) = (tally.runs, choice.runs);
        return Err(format!("{made} of {asked} runs were made"));
    }
    Ok(())
}

/// Runs of everything on one tree beside so many processes, kept as they end: ten of them
/// take hours.
struct Kept(PathBuf);

impl Kept {
    fn of(tree: &str, spinning: u32) -> Result<Self, String> {
        let folder = setup::cache()?.join(NAME);
        fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        Ok(Self(folder.join(format!("{tree}-{spinning}"))))
    }

    fn say(&self, error: impl std::fmt::Display) -> String {
        format!("{}: {error}", self.0.display())
    }

    fn runs(&self) -> Result<Vec<Once>, String> {
        let text = match fs::read_to_string(&self.0) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            text => text.map_err(|error| self.say(error))?,
        };
        let lines = text.lines().enumerate();
        let read = |(number, line)| {
            let mut run: Once = serde_json::from_str(line).map_err(|error| self.say(error))?;
            run.number = number as u32 + 1;
            Ok(run)
        };
        lines.map(read).collect()
    }

    fn add(&self, run: &Once) -> Result<(), String> {
        let line = serde_json::to_string(run).map_err(|error| self.say(error))?;
        let mut options = fs::OpenOptions::new();
        let file = options.create(true).append(true).open(&self.0);
        // in one write: half a line could not be read again
        let written = file.and_then(|mut file| file.write_all(format!("{line}\n").as_bytes()));
        written.map_err(|error| self.say(error))
    }
}

/// All tests once.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Once {
    number: u32,
    took: Duration,
    passed: u64,
    failures: Vec<String>,
    skipped: Vec<String>,
}

impl Once {
    fn row(&self) -> String {
        let seconds = self.took.as_secs();
        let (number, passed, failed) = (self.number, self.passed, self.failures.len());
        format!("| {number} | {seconds} s | {passed} | {failed} |")
    }
}

fn one(
    steps: &Steps,
    targets: &[Target],
    number: u32,
    side_by_side: NonZeroUsize,
    folder: &Path,
) -> Once {
    let start = Instant::now();
    let keep = |_: &Target, run: &Run| {
        for failure in run.failures() {
            eprintln!("run {number}: {failure} failed");
        }
        if !run.failures().is_empty() {
            let name = run.name.replace(['/', ':', ' '], "-");
            // it is told on standard error, too
            let _ = fs::write(folder.join(format!("{number}-{name}.txt")), &run.text);
        }
    };
    let runs = suites::run_all(targets, steps, side_by_side, false, keep);
    Once {
        number,
        took: start.elapsed(),
        passed: runs.iter().map(|run| run.passed).sum(),
        failures: runs.iter().flat_map(Run::failures).collect(),
        skipped: runs.iter().flat_map(Run::skipped).collect(),
    }
}

/// How often each test failed, and how often each was skipped.
#[derive(Default)]
struct Tally {
    runs: u32,
    failures: BTreeMap<String, u32>,
    skipped: BTreeMap<String, u32>,
}

impl Tally {
    fn add(&mut self, run: &Once) {
        self.runs += 1;
        for failure in &run.failures {
            *self.failures.entry(failure.clone()).or_default() += 1;
        }
        for name in &run.skipped {
            *self.skipped.entry(name.clone()).or_default() += 1;
        }
    }

    fn text(&self) -> String {
        let runs = self.runs;
        let listed = |counts: &BTreeMap<String, u32>, what: &str| {
            let line = |(name, count)| format!("{what} in {count} of {runs} runs: {name}\n");
            counts.iter().map(line).collect::<String>()
        };
        let failed = if self.failures.is_empty() {
            format!("no test failed in {runs} runs\n")
        } else {
            listed(&self.failures, "failed")
        };
        failed + &listed(&self.skipped, "skipped")
    }
}

/// Processes that do nothing but use a processor, until this is dropped.
struct Spinning(Vec<Child>);

impl Spinning {
    fn start(count: u32) -> Result<Self, String> {
        let mut all = Self(Vec::new());
        for _ in 0..count {
            // reading from us, it ends when we do, however that is
            let child = Command::new("sh")
                .args(["-c", "while :; do :; done & read -r _; kill $!"])
                .stdin(Stdio::piped())
                // whoever interrupts us would end the shell alone, and not its loop
                .process_group(0)
                .spawn()
                .map_err(|error| format!("sh: {error}"))?;
            all.0.push(child);
        }
        Ok(all)
    }
}

impl Drop for Spinning {
    fn drop(&mut self) {
        for child in &mut self.0 {
            drop(child.stdin.take());
            let _ = child.wait();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Kept, Once, Tally};

    fn once(number: u32, failures: &[&str]) -> Once {
        Once {
            number,
            took: Duration::from_millis(2500),
            passed: 7,
            failures: failures.iter().map(|&name| name.to_owned()).collect(),
            skipped: vec!["d: e".to_owned(); usize::from(number == 1)],
        }
    }

    #[test]
    fn what_failed_is_counted_over_all_runs() {
        let mut tally = Tally::default();
        tally.add(&once(1, &[]));
        let skipped = "skipped in 1 of 1 runs: d: e\n";
        assert_eq!(tally.text(), format!("no test failed in 1 runs\n{skipped}"));
        tally.add(&once(2, &["a: b", "c"]));
        tally.add(&once(3, &["a: b"]));
        let text = "failed in 2 of 3 runs: a: b\nfailed in 1 of 3 runs: c\n\
                    skipped in 1 of 3 runs: d: e\n";
        assert_eq!(tally.text(), text);
        assert_eq!(once(2, &["a"]).row(), "| 2 | 2 s | 7 | 1 |");
    }

    #[test]
    fn runs_are_kept_one_behind_the_other() {
        let folder = tempfile::tempdir().unwrap();
        let kept = Kept(folder.path().join("tree-4"));
        assert_eq!(kept.runs().unwrap(), []);
        // two invocations each count from one
        kept.add(&once(1, &["a: b"])).unwrap();
        kept.add(&once(1, &[])).unwrap();
        let second = Once {
            number: 2,
            ..once(1, &[])
        };
        assert_eq!(kept.runs().unwrap(), [once(1, &["a: b"]), second]);
        std::fs::write(&kept.0, "{").unwrap();
        assert!(kept.runs().unwrap_err().contains("tree-4"));
    }
}
