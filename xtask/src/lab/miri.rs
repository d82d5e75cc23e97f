//! The unit tests of what runs inside other people's processes, under Miri: no read
//! out of bounds, no use of a pointer that has no right to its memory.

use std::process::Command;

use crate::step::Steps;

pub const NAME: &str = "miri";

/// What is tried: the reader that the shim links, and the shim's own sources in their
/// models. Other tests start compilers and programs, which Miri cannot.
const TRIED: [&[&str]; 2] = [
    &["--package", "tls-model", "--lib"],
    &["--package", "rseq-lab-models", "--tests"],
];

/// The clock and the environment may be asked; addresses go through integers, as the
/// libc's do; and what is kept for the life of the process is never freed.
const FLAGS: &str = "-Zmiri-disable-isolation -Zmiri-permissive-provenance -Zmiri-ignore-leaks";

/// Runs the tests under Miri. Skipped where no nightly toolchain with Miri is there.
pub fn run(steps: &mut Steps, choice: &[String], only_set_up: bool) -> Result<(), String> {
    if only_set_up {
        return steps.run(
            "install a nightly toolchain with Miri",
            Command::new("rustup").args([
                "toolchain",
                "install",
                "nightly",
                "--profile",
                "minimal",
                "--component",
                "miri",
                "--component",
                "rust-src",
            ]),
        );
    }
    let is_there = Command::new("rustup")
        .args(["run", "nightly", "cargo", "miri", "--version"])
        .output()
        .is_ok_and(|output| output.status.success());
    if !is_there {
        steps.skip(
            NAME,
            "there is no nightly toolchain with Miri; `cargo xtask lab miri --setup` installs one"
                .to_owned(),
        );
        return Ok(());
    }
    for tried in TRIED {
        let mut command = Command::new("rustup");
        command
            .current_dir(steps.root())
            .args(["run", "nightly", "cargo", "miri", "test"])
            .args(tried)
            .args(choice)
            .env("CARGO_TARGET_DIR", steps.target().join("miri"))
            .env("MIRIFLAGS", FLAGS);
        steps.run(tried.get(1).unwrap_or(&NAME), &mut command)?;
    }
    Ok(())
}
