//! `rseqctl run` from outside: statuses, what the command gets, what is said.

use std::ffi::OsStr;
use std::process::ExitCode;

use rseq_kit::artifacts::artifacts;
use rseq_kit::child::Program;
use rseq_kit::foreign;
use rseq_kit::needs::Need;
use rseq_kit::runner::Suite;

mod below;
mod brought;
mod explained;
mod handed;
mod inherited;
mod launchers;
mod owned;
mod refused;
mod started;
mod through;
mod tunables;
mod verified;
mod without;

/// What it takes to start a program that registers.
pub const RUNS: [Need; 3] = [Need::X86_64, Need::GLIBC_2_35, Need::RSEQ];
/// The same for a program that has to be built first.
pub const BUILDS: [Need; 4] = [Need::CC, Need::X86_64, Need::GLIBC_2_35, Need::RSEQ];

fn main() -> ExitCode {
    let mut suite = Suite::collected();
    for name in tunables::SUITES {
        let needs = [&BUILDS[..], &[foreign::need(name)]].concat();
        suite.add(format!("tunables::{name}"), &needs, move || {
            tunables::read_by_the_libc(name)
        });
        suite.add(format!("tunables::surplus::{name}"), &needs, move || {
            tunables::surplus_read_by_the_libc(name)
        });
    }
    for (launcher, subject, needs) in launchers::cells() {
        let name = launchers::name(launcher, subject);
        let needs = [&RUNS[..], &needs].concat();
        suite.add(name, &needs, move || launchers::is_right(launcher, subject));
    }
    suite.run()
}

fn run(options: &[&str], command: &[impl AsRef<OsStr>]) -> Result<Program, String> {
    Ok(Program::new(&artifacts()?.rseqctl)
        .arg("run")
        .args(options)
        .arg("--")
        .args(command))
}

/// Fails unless `text` holds every one of `words`.
fn holds(text: &str, words: &[&str]) -> Result<(), String> {
    match words.iter().find(|word| !text.contains(**word)) {
        None => Ok(()),
        Some(word) => Err(format!("expected {word:?} in {text:?}")),
    }
}
