//! Other architectures than this machine's: what it takes to build for them, and
//! whether everything that runs there still compiles.

use std::path::Path;
use std::process::Command;

use crate::setup;
use crate::step::Steps;

/// An architecture that is built for.
struct Target {
    /// As rustc calls it.
    name: &'static str,
    /// Its compiler, which links.
    compiler: &'static str,
    /// Where cargo is told so.
    variable: &'static str,
    /// The Debian packages that bring the compiler, the headers and an emulator.
    packages: [&'static str; 3],
}

const TARGETS: [Target; 1] = [Target {
    name: "aarch64-unknown-linux-gnu",
    compiler: "aarch64-linux-gnu-gcc",
    variable: "CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER",
    packages: [
        "gcc-aarch64-linux-gnu",
        "libc6-dev-arm64-cross",
        "qemu-system-arm",
    ],
}];

/// What is shipped for each.
const PACKAGES: [&str; 4] = ["rseq-shim", "rseq-abi-library", "rseq-owner", "rseqctl"];

/// The names that [`set_up`] takes.
pub fn names() -> [&'static str; TARGETS.len()] {
    TARGETS.map(|target| target.name)
}

/// Installs what it takes to build for the target `name` and to run that: Rust's
/// standard library, a compiler, an emulator.
pub fn set_up(steps: &mut Steps, name: &str) -> Result<(), String> {
    for target in TARGETS.iter().filter(|target| target.name == name) {
        setup::packages(steps, &target.packages);
        if !target.has_library() {
            let mut rustup = Command::new("rustup");
            steps.run(
                &format!("rustup target add {name}"),
                rustup.args(["target", "add", name]),
            )?;
        }
    }
    Ok(())
}

/// Compiles what is shipped for each target that this machine can build for.
pub fn check(steps: &mut Steps) -> Result<(), String> {
    TARGETS.iter().try_for_each(|target| target.check(steps))
}

impl Target {
    fn check(&self, steps: &mut Steps) -> Result<(), String> {
        let step = format!("compile for {}", self.name);
        if let Some(reason) = self.missing() {
            steps.skip(&step, reason);
            return Ok(());
        }
        let mut cargo = steps.cargo();
        cargo
            .args(["check", "--target", self.name])
            .args(PACKAGES.iter().flat_map(|package| ["-p", package]))
            .env(self.variable, self.compiler)
            // the stand-in for an old libc is made of this machine's
            .env_remove("RSEQCTL_FLOOR");
        steps.run(&step, &mut cargo)
    }

    /// What this machine lacks to build for it.
    fn missing(&self) -> Option<String> {
        let Self { name, compiler, .. } = self;
        if !setup::is_in_path(compiler) {
            Some(format!("needs {compiler}"))
        } else if self.has_library() {
            None
        } else {
            Some(format!(
                "needs Rust's standard library for {name} (cargo xtask setup --target {name})"
            ))
        }
    }

    /// Whether Rust's standard library is there.
    fn has_library(&self) -> bool {
        let asked = Command::new("rustc")
            .args(["--print", "target-libdir", "--target", self.name])
            .output();
        asked.is_ok_and(|said| {
            let folder = String::from_utf8_lossy(&said.stdout).into_owned();
            said.status.success() && Path::new(folder.trim()).is_dir()
        })
    }
}
