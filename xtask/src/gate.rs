//! What has to hold before a change may land, and the part of it that takes a minute.

use std::process::Command;

use crate::dist::LIBRARIES;
use crate::step::Steps;
use crate::{book, cross, setup, suites, tidy as layout};

/// What tells within a minute whether a change is right: no root, no network, and
/// nothing is installed.
pub fn check(steps: &mut Steps) -> Result<(), String> {
    lint(steps)?;
    steps.run(
        "unit tests",
        steps
            .cargo()
            .args(["test", "--quiet", "--workspace", "--lib", "--bins"])
            // without std, so without a test harness of their own
            .args(LIBRARIES.iter().flat_map(|name| ["--exclude", name])),
    )?;
    steps.run(
        "model tests",
        steps
            .cargo()
            .args(["test", "--quiet", "-p", "rseq-lab-models", "--tests"]),
    )
}

/// The layout's rules.
pub fn tidy(steps: &mut Steps) -> Result<(), String> {
    let root = steps.root().to_owned();
    steps.own("tidy", || layout::check(&root))
}

/// Format and layout, and meanwhile lints.
fn lint(steps: &mut Steps) -> Result<(), String> {
    let form = |steps: &mut Steps| {
        tidy(steps)?;
        steps.run("rustfmt", steps.cargo().args(["fmt", "--all", "--check"]))
    };
    let clippy = ["clippy", "--workspace", "--all-targets", "--"];
    let lints = |steps: &mut Steps| {
        let mut cargo = steps.cargo();
        steps.run("clippy", cargo.args(clippy).args(["-D", "warnings"]))
    };
    beside(steps, form, lints)
}

/// Does one thing on a thread of its own, and the other meanwhile. Both are done, whatever
/// becomes of the other.
fn beside(
    steps: &mut Steps,
    one: impl FnOnce(&mut Steps) -> Result<(), String> + Send,
    other: impl FnOnce(&mut Steps) -> Result<(), String>,
) -> Result<(), String> {
    let root = steps.root().to_owned();
    std::thread::scope(|scope| {
        let one = scope.spawn(|| {
            let mut steps = Steps::new(root);
            let done = one(&mut steps);
            (steps, done)
        });
        let other = other(steps);
        let (ran, one) = one.join().map_err(|_| "a step ended early".to_owned())?;
        steps.merge(ran);
        other.and(one)
    })
}

/// Everything that has to hold before a change may land.
pub fn test(steps: &mut Steps, fresh: bool) -> Result<(), String> {
    setup::programs(steps);
    cross::set_up_all(steps);
    // after the installation, which belongs to the key
    let stamps = suites::stamps(steps);
    if fresh {
        stamps
            .forget()
            .map_err(|error| format!("cannot remove what passed before: {error}"))?;
    }
    // the licences wait for nothing that cargo builds here
    beside(steps, dependencies, |steps| {
        lint(steps)?;
        documentation(steps)?;
        book::build_or_skip(steps, &steps.target().join("book"))?;
        cross::check(steps)?;
        build(steps)?;
        suites::run(steps, &stamps, fresh)
    })
}

/// The files under test, as the suites have cargo build them, which then find them built.
fn build(steps: &mut Steps) -> Result<(), String> {
    let mut build = steps.cargo();
    build.args(["build", "-p", "rseqctl"]);
    build.args(LIBRARIES.iter().flat_map(|name| ["-p", name]));
    steps.run("build", &mut build)
}

/// Licences, sources and duplicates of what is built in.
fn dependencies(steps: &mut Steps) -> Result<(), String> {
    match setup::cargo_deny(steps) {
        Ok(program) => steps.run(
            "cargo-deny",
            Command::new(program)
                .current_dir(steps.root())
                // advisories need a database from outside the crate registry
                .args([
                    "--log-level",
                    "error",
                    "check",
                    "bans",
                    "licenses",
                    "sources",
                ]),
        ),
        Err(reason) => {
            steps.skip("cargo-deny", reason);
            Ok(())
        }
    }
}

fn documentation(steps: &mut Steps) -> Result<(), String> {
    steps.run(
        "rustdoc",
        steps
            .cargo()
            // most of what is worth reading is private: the shim's modules
            .args(["doc", "--workspace", "--no-deps", "--quiet"])
            .arg("--document-private-items")
            .env(
                "RUSTDOCFLAGS",
                "-D warnings -A rustdoc::private-intra-doc-links",
            ),
    )
}
