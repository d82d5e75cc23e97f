//! Other architectures than this machine's: what it takes to build for them, and
//! whether everything that runs there still compiles.

use std::process::Command;

use crate::architecture::{ALL, Architecture};
use crate::setup;
use crate::standard_library;
use crate::step::Steps;

/// What is built for each.
const LIBRARIES: [&str; 2] = ["rseq-shim", "rseq-abi-library"];

/// What is built besides for those that are shipped for.
const SHIPPED: [&str; 2] = ["rseq-owner", "rseqctl"];

/// Installs what it takes to build for the target `name` and to run that: a compiler, an
/// emulator, Rust's standard library, from its sources where rustup cannot get it.
pub fn set_up(steps: &mut Steps, name: &str) -> Result<(), String> {
    let Some(architecture) = Architecture::of_target(name) else {
        return Ok(());
    };
    let added = prepare(steps, architecture);
    added.or_else(|why| {
        standard_library::from_source(steps, architecture)
            .map_err(|error| format!("{why}; nor from its sources: {error}"))
    })
}

/// Does so with what is built already.
fn prepare(steps: &mut Steps, architecture: &Architecture) -> Result<(), String> {
    let Some(cross) = &architecture.cross else {
        return Ok(());
    };
    setup::install(steps, cross.needed);
    if architecture.has_library() {
        return Ok(());
    }
    let name = architecture.target;
    let mut rustup = Command::new("rustup");
    steps.run(
        &format!("rustup target add {name}"),
        rustup.args(["target", "add", name]),
    )
}

/// Does so for every architecture that is not this machine's, building nothing; what cannot
/// be had is a reason to skip what needs it.
pub fn set_up_all(steps: &mut Steps) {
    for architecture in ALL.into_iter().filter(|it| it.cross.is_some()) {
        if let Err(reason) = prepare(steps, architecture) {
            let what = format!("set-up for {}", architecture.target);
            steps.skip(&what, format!("{reason}; what needs it is skipped"));
        }
    }
}

/// Compiles what is built for each target that this machine can build for.
pub fn check(steps: &mut Steps) -> Result<(), String> {
    let mut others = ALL.into_iter().filter(|it| it.cross.is_some());
    others.try_for_each(|architecture| {
        let step = format!("compile for {}", architecture.target);
        if let Some(reason) = architecture.missing() {
            steps.skip(&step, reason);
            return Ok(());
        }
        let mut cargo = steps.cargo();
        let besides = architecture.is_shipped().then_some(SHIPPED);
        let packages = LIBRARIES.into_iter().chain(besides.into_iter().flatten());
        cargo
            .arg("check")
            .args(packages.flat_map(|package| ["-p", package]));
        architecture.build_for(&mut cargo);
        steps.run(&step, &mut cargo)
    })
}
