//! Changes the rules one by one with cargo-mutants and asks whether a test notices.

#![forbid(unsafe_code)]

mod outcomes;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use rseq_kit::artifacts::workspace;
use rseq_kit::child::Program;
use rseq_kit::scratch;

use crate::outcomes::Outcomes;

/// A run over all of them may take a night.
const LIMIT: Duration = Duration::from_secs(12 * 3600);

/// The files whose code is pure and decides.
const FILES: [&str; 3] = [
    "tls-model/src/owner/mod.rs",
    "tls-model/src/loading.rs",
    "tls-model/src/rules/**",
];

/// The tests that are asked: those that take seconds, in a build that takes seconds.
const TESTS: [&str; 3] = ["--lib", "--test", "rules"];

/// Tests build the crate optimised, which takes longer than it saves here.
const UNOPTIMISED: &str = "--config=profile.dev.package.tls-model.opt-level=0";

#[derive(Debug, Parser)]
struct Cli {
    /// cargo-mutants
    #[arg(long, value_name = "PROGRAM", default_value = "cargo-mutants")]
    tool: PathBuf,
    /// Only files that match (may be given again)
    #[arg(long = "file", value_name = "GLOB")]
    files: Vec<String>,
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
    let folder = scratch::directory("mutants")?;
    let mut files: Vec<_> = cli.files.iter().map(String::as_str).collect();
    if files.is_empty() {
        files.extend(FILES);
    }
    let files = files.into_iter().flat_map(|file| ["--file", file]);
    let ended = Program::with_callers_environment(&cli.tool)
        .args(["mutants", "--package", "tls-model", "--no-times"])
        .args(["--jobs", "2", "--cargo-arg", UNOPTIMISED])
        .args(files)
        .arg("--output")
        .arg(&folder)
        .arg("--")
        .args(TESTS)
        .directory(&workspace())
        .limit(LIMIT)
        .run()?;
    // its status says what the outcomes say, too, unless there are none
    let path = folder.join("mutants.out/outcomes.json");
    let text = std::fs::read_to_string(&path)
        .map_err(|_| format!("cargo-mutants did not run: {}{}", ended.out, ended.err))?;
    let outcomes = Outcomes::read(&text)?;
    print!("{outcomes}");
    Ok(u8::from(!outcomes.survivors.is_empty()))
}
