//! Which lines of the product's crates their own tests run.
//!
//! The two libraries are not measured: they have no standard library, and what counts
//! the lines would bring one into every process. Their instructions are walked one by
//! one in the lab `stepping`, their orders of steps in `models`.

use std::collections::BTreeMap;
use std::process::Command;

use serde_json::Value;

use crate::setup;
use crate::step::Steps;

pub const NAME: &str = "coverage";

/// The crates with tests of their own, and where their sources are.
const CRATES: [(&str, &str); 4] = [
    ("tls-model", "tls-model/src/"),
    ("rseq-code", "tls-model/code/src/"),
    ("rseqctl", "rseqctl/src/"),
    ("rseq-abi", "loader-shim/adopter/src/"),
];

/// Files of which less than this share is run are listed, in percent.
const LISTED_BELOW: u64 = 70;

/// Installs the tool, and unless `only_set_up` runs the tests of the product's crates
/// and prints what share of their lines was run. Skipped where the tool cannot be had.
pub fn run(steps: &mut Steps, choice: &[String], only_set_up: bool) -> Result<(), String> {
    let tool = match set_up(steps) {
        Ok(tool) => tool,
        Err(reason) => {
            steps.skip(NAME, reason);
            return Ok(());
        }
    };
    if only_set_up {
        return Ok(());
    }
    let file = steps.target().join("coverage.json");
    let mut command = Command::new(tool);
    command
        .current_dir(steps.root())
        .args(["llvm-cov", "--no-fail-fast", "--json", "--summary-only"])
        .arg("--output-path")
        .arg(&file)
        .args(CRATES.iter().flat_map(|(name, _)| ["--package", name]))
        // beside the ordinary builds, which it would make stale
        .env("CARGO_TARGET_DIR", steps.target().join("coverage"))
        // what counts needs `atexit`, which the stand-in libc does not have
        .env_remove("RSEQCTL_FLOOR")
        .args(choice);
    let tested = steps.run("tests, with lines counted", &mut command);
    let text =
        std::fs::read_to_string(&file).map_err(|error| format!("{}: {error}", file.display()))?;
    print!("{}", table(&text, &steps.root().display().to_string())?);
    tested
}

fn set_up(steps: &mut Steps) -> Result<std::path::PathBuf, String> {
    let tool = setup::cargo_llvm_cov(steps)?;
    steps.run(
        "install llvm-tools (once)",
        Command::new("rustup").args(["--quiet", "component", "add", "llvm-tools"]),
    )?;
    Ok(tool)
}

/// Lines in all, and lines that were run.
#[derive(Default)]
struct Lines {
    all: u64,
    run: u64,
}

impl Lines {
    fn add(&mut self, other: &Self) {
        self.all += other.all;
        self.run += other.run;
    }

    fn percent(&self) -> u64 {
        (self.run * 100).checked_div(self.all).unwrap_or(100)
    }

    fn row(&self, name: &str) -> String {
        let Self { all, run } = self;
        format!("| {name} | {all} | {run} | {} % |\n", self.percent())
    }
}

/// The table of a report of cargo-llvm-cov (its JSON, version 2), for files below
/// `root`: one row for each crate, and those files of which little is run.
fn table(report: &str, root: &str) -> Result<String, String> {
    let report: Value =
        serde_json::from_str(report).map_err(|error| format!("coverage.json: {error}"))?;
    let files = report
        .pointer("/data/0/files")
        .and_then(Value::as_array)
        .ok_or("coverage.json has no files")?;
    let mut crates = BTreeMap::<&str, Lines>::new();
    let mut listed = Vec::new();
    for file in files {
        let number = |name| file.pointer(name).and_then(Value::as_u64).unwrap_or(0);
        let path = file.pointer("/filename").and_then(Value::as_str);
        let Some(path) = path.and_then(|path| path.strip_prefix(root)) else {
            continue;
        };
        let path = path.trim_start_matches('/');
        let Some((name, _)) = CRATES.iter().find(|(_, at)| path.starts_with(at)) else {
            continue;
        };
        let lines = Lines {
            all: number("/summary/lines/count"),
            run: number("/summary/lines/covered"),
        };
        crates.entry(name).or_default().add(&lines);
        if lines.percent() < LISTED_BELOW {
            listed.push((path.to_owned(), lines));
        }
    }
    let mut text =
        "| crate or file | lines | run by its tests | share |\n|---|---:|---:|---:|\n".to_owned();
    for (name, lines) in &crates {
        text += &lines.row(name);
    }
    for (path, lines) in &listed {
        text += &lines.row(path);
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::table;

    #[test]
    fn crates_are_summed_and_files_that_few_tests_reach_are_listed() {
        let report = r#"{"data": [{"files": [
            {"filename": "/w/tls-model/src/a.rs", "summary": {"lines": {"count": 100, "covered": 90}}},
            {"filename": "/w/tls-model/src/b.rs", "summary": {"lines": {"count": 100, "covered": 10}}},
            {"filename": "/elsewhere/c.rs", "summary": {"lines": {"count": 7, "covered": 0}}}
        ]}]}"#;
        let text = table(report, "/w").unwrap();
        assert!(
            text.contains("| tls-model | 200 | 100 | 50 % |\n"),
            "{text}"
        );
        assert!(
            text.contains("| tls-model/src/b.rs | 100 | 10 | 10 % |\n"),
            "{text}"
        );
        assert!(!text.contains("a.rs") && !text.contains("c.rs"), "{text}");
    }
}
