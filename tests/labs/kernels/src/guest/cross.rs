//! What builds for AArch64: a cross compiler with its C library, and Rust's standard
//! library.

use std::env;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rseq_kit::artifacts::{room, workspace};
use rseq_kit::child::Program;
use rseq_kit::machine::Machine;
use rseq_kit::needs::program;

/// The architecture, as rustc calls it.
pub const TARGET: &str = "aarch64-unknown-linux-gnu";

/// What tells cargo which program links for it.
const LINKER: &str = "CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER";

/// How packages are built.
#[derive(Clone, Copy, Debug)]
pub enum Profile {
    /// To be tested.
    Dev,
    /// As it is shipped.
    Release,
}

/// Cargo, which links for a machine by that machine's compiler.
#[must_use]
pub fn cargo(machine: Machine) -> Program {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| env!("CARGO").into());
    let program = Program::with_callers_environment(cargo);
    match machine {
        Machine::X86_64 => program,
        Machine::Aarch64 => program.env(LINKER, machine.compiler()),
    }
}

/// Builds packages of the workspace for AArch64. Returns the folder with what came of it.
///
/// # Errors
///
/// They do not build, or not in time.
pub fn built(profile: Profile, packages: &[&str], limit: Duration) -> Result<PathBuf, String> {
    let target =
        env::var_os("CARGO_TARGET_DIR").map_or_else(|| workspace().join("target"), PathBuf::from);
    let (name, folder) = match profile {
        Profile::Dev => ("dev", "debug"),
        Profile::Release => ("release", "release"),
    };
    cargo(Machine::Aarch64)
        .args(["build", "--quiet", "--profile", name, "--target", TARGET])
        .args(packages.iter().flat_map(|package| ["-p", package]))
        .arg("--target-dir")
        .arg(&target)
        // the command starts with the C library of any guest, and has its libraries beside it
        .env("RSEQCTL_FLOOR", "2.17")
        .env("RSEQCTL_EMBED", "none")
        .directory(&workspace())
        .limit(limit)
        .run()?
        .expect(0)
        .map_err(|error| format!("{} for {TARGET}: {error}", packages.join(", ")))?;
    Ok(target.join(TARGET).join(folder))
}

/// Compiles a source of the tests for AArch64.
///
/// # Errors
///
/// It does not compile.
pub fn compile(source: &str, options: &[&str], to: &Path) -> Result<(), String> {
    Program::with_callers_environment(program(Machine::Aarch64.compiler())?)
        .args(["-O2", "-pthread", "-Wall", "-Wextra", "-o"])
        .arg(to)
        .arg(room().join(source))
        .args(options)
        .run()?
        .expect(0)
        .map(drop)
        .map_err(|error| format!("{source} does not build for AArch64: {error}"))
}

/// Says whether this machine can build for AArch64.
///
/// # Errors
///
/// It lacks a compiler, a C library or Rust's standard library: the sentence says which,
/// and what brings it.
pub fn buildable() -> Result<(), String> {
    let brings = format!("cargo xtask setup --target {TARGET}");
    library("libc.a").map_err(|error| format!("{error} ({brings})"))?;
    let folder = Program::with_callers_environment(program("rustc")?)
        .args(["--print", "target-libdir", "--target", TARGET])
        .run()?;
    if folder.code() == 0 && Path::new(folder.out.trim()).is_dir() {
        Ok(())
    } else {
        Err(format!(
            "needs Rust's standard library for {TARGET} ({brings})"
        ))
    }
}

/// A file of the cross compiler's C library.
///
/// # Errors
///
/// There is no such compiler, or it has no such file.
pub fn library(name: &str) -> Result<PathBuf, String> {
    let compiler = program(Machine::Aarch64.compiler())?;
    let said = Program::with_callers_environment(compiler)
        .arg(format!("-print-file-name={name}"))
        .run()?
        .expect(0)?;
    let path = PathBuf::from(said.out.trim());
    // the compiler repeats the name of what it does not find
    path.is_absolute()
        .then_some(path)
        .ok_or_else(|| format!("needs {name} for AArch64"))
}

/// A library of an architecture in a root of Debian's packages.
///
/// # Errors
///
/// It is not there.
pub fn library_in(root: &Path, architecture: &str, name: &str) -> Result<PathBuf, String> {
    let folders = ["lib", "usr/lib"].map(|lib| root.join(lib).join(architecture));
    let mut found = folders
        .iter()
        .map(|folder| folder.join(name))
        .filter(|path| path.is_file());
    found
        .next()
        .ok_or_else(|| format!("no {name} in {}", root.display()))
}
