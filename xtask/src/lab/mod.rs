//! Labs: programs under `tests/labs` that compare real programs without the shim
//! and with it, and print a table.

mod coverage;
mod flakiness;
mod miri;

use std::env;
use std::path::PathBuf;
use std::process::Command;

use clap::Args;
use clap::builder::PossibleValuesParser;

use crate::setup;
use crate::step::Steps;
use crate::suites;

/// The labs. The lab NAME is the package `rseq-lab-NAME`; it knows what it needs.
pub const NAMES: [&str; 4] = ["adversaries", "launchers", "programs", "servers"];

/// The lab that changes the code.
const MUTANTS: &str = "mutants";

/// The labs that run our own tests in another way, most with a tool that they bring
/// themselves.
const IN_ANOTHER_WAY: [&str; 4] = [coverage::NAME, flakiness::NAME, miri::NAME, MUTANTS];

/// The labs whose suites are part of the tests; as a lab each prints its table.
pub const OF_THE_TESTS: [&str; 7] = [
    "clients",
    "conformance",
    "damage",
    "glibc",
    "kernels",
    "models",
    STEPPING,
];

/// The lab that executes one instruction at a time; for another architecture that is done
/// in a machine of the lab of kernels.
const STEPPING: &str = "stepping";

/// Those of them that can be told another architecture.
const FOR_OTHERS: [&str; 2] = ["kernels", STEPPING];

/// Those of them that have a program of their own, which can be told what to ask.
const WITH_A_PROGRAM: [&str; 3] = ["conformance", "glibc", "kernels"];

/// What `cargo xtask lab` takes.
#[derive(Args, Debug)]
pub struct Laboratory {
    /// Which
    #[arg(value_parser = PossibleValuesParser::new(names()))]
    name: String,
    /// Install the Debian packages that the lab needs, and run nothing
    #[arg(long)]
    setup: bool,
    /// The architecture that is asked about, for the labs of kernels and of stepping
    #[arg(long, value_name = "MACHINE")]
    target: Option<String>,
    /// What to choose (`-- --help` says what can be)
    #[arg(last = true)]
    choice: Vec<String>,
}

impl Laboratory {
    /// Runs the lab, or installs what it needs. `build` makes what real programs are
    /// started with.
    pub fn run(
        mut self,
        steps: &mut Steps,
        build: impl FnOnce(&mut Steps) -> Result<PathBuf, String>,
    ) -> Result<(), String> {
        let name = self.name.as_str();
        if self.target.is_some() && !FOR_OTHERS.contains(&name) {
            let labs = FOR_OTHERS.join(" and ");
            return Err(format!(
                "--target is for the labs {labs}, and not for {name}"
            ));
        }
        match (runs_our_tests(name), is_of_the_tests(name), self.setup) {
            (true, _, only_set_up) => run_our_tests(steps, name, &self.choice, only_set_up),
            (false, true, true) => {
                setup::programs(steps);
                setup::glibc(steps);
                Ok(())
            }
            (false, true, false) => {
                let target = self.target.as_deref();
                if let Some(target) = target.filter(|_| name != STEPPING) {
                    let words = ["--target", target].map(str::to_owned);
                    self.choice.extend(words);
                }
                run_own(steps, name, target, &self.choice)
            }
            (false, false, true) => set_up(steps, name),
            (false, false, false) => run(steps, name, &self.choice, build),
        }
    }
}

/// Whether the lab `name` is one whose suites are part of the tests.
fn is_of_the_tests(name: &str) -> bool {
    OF_THE_TESTS.contains(&name)
}

/// All labs.
fn names() -> Vec<&'static str> {
    let names = NAMES.into_iter().chain(IN_ANOTHER_WAY);
    names.chain(OF_THE_TESTS).collect()
}

/// Whether the lab `name` is one of those that run our own tests in another way.
fn runs_our_tests(name: &str) -> bool {
    IN_ANOTHER_WAY.contains(&name)
}

/// Runs one of those, or only installs its tool.
fn run_our_tests(
    steps: &mut Steps,
    name: &str,
    choice: &[String],
    only_set_up: bool,
) -> Result<(), String> {
    match name {
        coverage::NAME => coverage::run(steps, choice, only_set_up),
        flakiness::NAME if only_set_up => Ok(()),
        flakiness::NAME => flakiness::run(steps, choice),
        miri::NAME => miri::run(steps, choice, only_set_up),
        _ => mutants(steps, choice, only_set_up),
    }
}

/// Changes the rules one by one. Where its tool cannot be had that is a reason to
/// skip.
fn mutants(steps: &mut Steps, choice: &[String], only_set_up: bool) -> Result<(), String> {
    let tool = match setup::cargo_mutants(steps) {
        Ok(tool) => tool,
        Err(reason) => {
            steps.skip(MUTANTS, reason);
            return Ok(());
        }
    };
    if only_set_up {
        return Ok(());
    }
    let mut command = program(steps, MUTANTS);
    command.arg("--tool").arg(tool).args(choice);
    steps.run_for_status(MUTANTS, &mut command)
}

/// Runs a lab whose suites are part of the tests: its program, or where it has none, those
/// suites. They build what they need.
fn run_own(
    steps: &mut Steps,
    name: &str,
    target: Option<&str>,
    choice: &[String],
) -> Result<(), String> {
    let is_emulated = match target.filter(|_| name == STEPPING) {
        Some(target) if target.starts_with("aarch64") => true,
        Some(target) if !target.starts_with(env::consts::ARCH) => {
            return Err(format!(
                "{STEPPING}: aarch64 is the only other one, not {target}"
            ));
        }
        _ => false,
    };
    let mut command = if is_emulated {
        let mut cargo = steps.cargo();
        cargo.args(["run", "--quiet", "-p", "rseq-lab-kernels"]);
        cargo.args(["--bin", STEPPING, "--"]);
        cargo
    } else if WITH_A_PROGRAM.contains(&name) {
        program(steps, name)
    } else {
        return run_suites(steps, name, choice);
    };
    steps.run_for_status(name, command.args(choice))
}

/// Runs the suites of a lab, one after the other, each to its end. One that does not know
/// what is asked for is no failure where another does.
fn run_suites(steps: &mut Steps, name: &str, choice: &[String]) -> Result<(), String> {
    steps.fail_with(NOT_RUN);
    let mut statuses = Vec::new();
    for target in suites::of_package(steps, &format!("rseq-lab-{name}"))? {
        let Some(mut command) = target.command(steps) else {
            continue;
        };
        command.args(choice).env("RSEQ_TESTS_TABLE", "1");
        // in case it is killed
        steps.fail_with(WRONG);
        let done = steps.run_for_status(&target.name, &mut command);
        statuses.push(done.map_or_else(|_| steps.status(), |()| 0));
    }
    let status = of_all(&statuses);
    steps.fail_with(status);
    match status {
        0 => Ok(()),
        NOT_RUN => Err(format!("{name}: nothing was run")),
        _ => Err(format!("{name}: an answer is wrong")),
    }
}

/// The exit status of a lab where an answer is wrong.
const WRONG: u8 = 1;

/// That of one that could not be run, or does not know what is asked for.
const NOT_RUN: u8 = 2;

/// The exit status of a lab whose suites have ended with these.
fn of_all(statuses: &[u8]) -> u8 {
    if statuses.iter().all(|&status| status == NOT_RUN) {
        NOT_RUN
    } else if statuses.iter().all(|&status| matches!(status, 0 | NOT_RUN)) {
        0
    } else {
        WRONG
    }
}

/// Installs what the lab `name` needs and this machine lacks.
fn set_up(steps: &mut Steps, name: &str) -> Result<(), String> {
    let output = program(steps, name)
        .arg("--packages")
        .output()
        .map_err(|error| format!("{name}: {error}"))?;
    if !output.status.success() {
        let words = String::from_utf8_lossy(&output.stderr).into_owned();
        return Err(format!("{name} does not say what it needs: {words}"));
    }
    let packages = String::from_utf8_lossy(&output.stdout).into_owned();
    setup::packages(steps, &packages.lines().collect::<Vec<_>>());
    Ok(())
}

/// Runs the lab `name` with these arguments, on the files that `build` makes or
/// on those of `RSEQ_ARTIFACTS`.
fn run(
    steps: &mut Steps,
    name: &str,
    choice: &[String],
    build: impl FnOnce(&mut Steps) -> Result<PathBuf, String>,
) -> Result<(), String> {
    let folder = match env::var_os("RSEQ_ARTIFACTS") {
        Some(folder) => steps.root().join(folder),
        None => build(steps)?.with_file_name(""),
    };
    let mut command = program(steps, name);
    command.args(choice).env("RSEQ_ARTIFACTS", folder);
    steps.run_for_status(name, &mut command)
}

fn program(steps: &Steps, name: &str) -> Command {
    let mut cargo = steps.cargo();
    let package = format!("rseq-lab-{name}");
    cargo.args(["run", "--quiet", "-p", &package, "--bin", &package, "--"]);
    cargo
}

#[cfg(test)]
mod tests {
    use super::of_all;

    #[test]
    fn the_status_of_several_suites() {
        assert_eq!(of_all(&[0, 0]), 0);
        assert_eq!(of_all(&[2, 0]), 0);
        assert_eq!(of_all(&[2, 2]), 2);
        assert_eq!(of_all(&[]), 2);
        // as the ordinary harness fails
        assert_eq!(of_all(&[2, 0, 101]), 1);
        assert_eq!(of_all(&[1, 2]), 1);
    }
}
