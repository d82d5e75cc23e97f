//! Changes the rules and the shim's pure parts, one place at a time, with cargo-mutants,
//! and asks whether a test notices.

#![forbid(unsafe_code)]

mod equal;
mod outcomes;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use clap::builder::PossibleValuesParser;
use rseq_kit::artifacts::workspace;
use rseq_kit::child::Program;
use rseq_kit::scratch;

use crate::outcomes::Outcomes;

/// A run over all of them may take a night.
const LIMIT: Duration = Duration::from_secs(12 * 3600);

/// Code that is changed, and who is asked whether that is noticed: tests that take
/// seconds, in a build that takes seconds.
struct Subject {
    package: &'static str,
    /// Files whose code is pure and decides.
    files: &'static [&'static str],
    /// The package whose tests are run.
    asked: &'static str,
    tests: &'static [&'static str],
}

const SUBJECTS: [Subject; 2] = [
    Subject {
        package: "tls-model",
        files: &[
            "tls-model/src/owner/mod.rs",
            "tls-model/src/loading.rs",
            "tls-model/src/rules/**",
        ],
        asked: "tls-model",
        tests: &["--lib", "--test", "rules"],
    },
    // its tests are elsewhere: the library itself has no standard library to test with
    Subject {
        package: "rseq-shim",
        files: &[
            "loader-shim/shim/src/environment.rs",
            "loader-shim/shim/src/kept.rs",
            "loader-shim/shim/src/registration/nesting.rs",
            "loader-shim/shim/src/slab.rs",
            "loader-shim/shim/src/text.rs",
        ],
        asked: "rseq-lab-models",
        tests: &[],
    },
];

/// Tests build the crate optimised, which takes longer than it saves here.
const UNOPTIMISED: &str = "--config=profile.dev.package.tls-model.opt-level=0";

#[derive(Debug, Parser)]
struct Cli {
    /// cargo-mutants
    #[arg(long, value_name = "PROGRAM", default_value = "cargo-mutants")]
    tool: PathBuf,
    /// Only the code of this package
    #[arg(long, value_parser = PossibleValuesParser::new(SUBJECTS.map(|it| it.package)))]
    package: Option<String>,
    /// Only files that match (may be given again)
    #[arg(long = "file", value_name = "GLOB")]
    files: Vec<String>,
    /// How many changes are tried at a time
    #[arg(long, default_value = "2")]
    jobs: String,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let status = run(&cli).unwrap_or_else(|error| {
        eprintln!("{error}");
        2
    });
    scratch::remove();
    ExitCode::from(status)
}

fn run(cli: &Cli) -> Result<u8, String> {
    let wanted = |subject: &&Subject| {
        let named = cli.package.as_deref();
        named.is_none_or(|package| package == subject.package)
    };
    let mut outcomes = Outcomes::default();
    for subject in SUBJECTS.iter().filter(wanted) {
        outcomes.add(&changed(cli, subject)?)?;
    }
    if outcomes.is_empty() {
        return Err("nothing was changed: no file of theirs matches".to_owned());
    }
    print!("{outcomes}");
    Ok(u8::from(!outcomes.survivors.is_empty()))
}

/// Has the code of one subject changed, and returns what came of it.
fn changed(cli: &Cli, subject: &Subject) -> Result<String, String> {
    let folder = scratch::directory("mutants")?;
    let mut files: Vec<_> = cli.files.iter().map(String::as_str).collect();
    if files.is_empty() {
        files.extend(subject.files);
    }
    let files = files.into_iter().flat_map(|file| ["--file", file]);
    let ended = Program::with_callers_environment(&cli.tool)
        .args(["mutants", "--no-times", "--jobs", &cli.jobs])
        .args(["--package", subject.package])
        .args(["--test-package", subject.asked])
        .args(["--cargo-arg", UNOPTIMISED])
        .args(files)
        .arg("--output")
        .arg(&folder)
        .arg("--")
        .args(subject.tests)
        .directory(&workspace())
        .limit(LIMIT)
        .run()?;
    // its status says what the outcomes say, too, unless there are none
    let path = folder.join("mutants.out/outcomes.json");
    match std::fs::read_to_string(&path) {
        Ok(outcomes) => Ok(outcomes),
        // no file of this package was chosen
        Err(_) if ended.code() == 0 => Ok(r#"{"outcomes": []}"#.to_owned()),
        Err(_) => Err(format!(
            "cargo-mutants did not run: {}{}",
            ended.out, ended.err
        )),
    }
}
