//! What builds for another architecture: a cross compiler with its C library, and Rust's
//! standard library.

use std::env;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rseq_kit::artifacts::{room, workspace};
use rseq_kit::child::Program;
use rseq_kit::machine::Machine;
use rseq_kit::needs::program;

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
    if machine.foreign().is_none() {
        return program;
    }
    // what tells cargo which program links for it
    let target = machine.target().replace('-', "_").to_uppercase();
    program.env(&format!("CARGO_TARGET_{target}_LINKER"), machine.compiler())
}

/// Builds packages of the workspace for AArch64. Returns the folder with what came of it.
///
/// # Errors
///
/// They do not build, or not in time.
pub fn built(profile: Profile, packages: &[&str], limit: Duration) -> Result<PathBuf, String> {
    built_for(Machine::Aarch64, profile, packages, limit)
}

/// Does the same for any other architecture.
///
/// # Errors
///
/// As [`built`].
pub fn built_for(
    machine: Machine,
    profile: Profile,
    packages: &[&str],
    limit: Duration,
) -> Result<PathBuf, String> {
    let target_name = machine.target();
    let target =
        env::var_os("CARGO_TARGET_DIR").map_or_else(|| workspace().join("target"), PathBuf::from);
    let (name, folder) = match profile {
        Profile::Dev => ("dev", "debug"),
        Profile::Release => ("release", "release"),
    };
    cargo(machine)
        .args([
            "build",
            "--quiet",
            "--profile",
            name,
            "--target",
            target_name,
        ])
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
        .map_err(|error| format!("{} for {target_name}: {error}", packages.join(", ")))?;
    Ok(target.join(target_name).join(folder))
}

/// Compiles a source of the tests for AArch64.
///
/// # Errors
///
/// It does not compile.
pub fn compile(source: &str, options: &[&str], to: &Path) -> Result<(), String> {
    compile_for(Machine::Aarch64, source, options, to)
}

/// Does the same for any other architecture.
///
/// # Errors
///
/// It does not compile.
pub fn compile_for(
    machine: Machine,
    source: &str,
    options: &[&str],
    to: &Path,
) -> Result<(), String> {
    Program::with_callers_environment(program(machine.compiler())?)
        .args(["-O2", "-pthread", "-Wall", "-Wextra", "-o"])
        .arg(to)
        .arg(room().join(source))
        .args(options)
        .run()?
        .expect(0)
        .map(drop)
        .map_err(|error| format!("{source} does not build for {}: {error}", machine.name()))
}

/// Says whether this machine can build for another architecture.
///
/// # Errors
///
/// It lacks a compiler, a C library or Rust's standard library: the sentence says which,
/// and what brings it.
pub fn buildable(machine: Machine) -> Result<(), String> {
    let target = machine.target();
    let brings = format!("cargo xtask setup --target {target}");
    library_for(machine, "libc.a").map_err(|error| format!("{error} ({brings})"))?;
    let folder = Program::with_callers_environment(program("rustc")?)
        .args(["--print", "target-libdir", "--target", target])
        .run()?;
    if folder.code() == 0 && Path::new(folder.out.trim()).is_dir() {
        Ok(())
    } else {
        Err(format!(
            "needs Rust's standard library for {target} ({brings})"
        ))
    }
}

/// A file of the C library that the cross compiler for AArch64 has.
///
/// # Errors
///
/// As [`library_for`].
pub fn library(name: &str) -> Result<PathBuf, String> {
    library_for(Machine::Aarch64, name)
}

/// A file of the cross compiler's C library.
///
/// # Errors
///
/// There is no such compiler, or it has no such file.
pub fn library_for(machine: Machine, name: &str) -> Result<PathBuf, String> {
    let compiler = program(machine.compiler())?;
    let said = Program::with_callers_environment(compiler)
        .arg(format!("-print-file-name={name}"))
        .run()?
        .expect(0)?;
    let path = PathBuf::from(said.out.trim());
    // the compiler repeats the name of what it does not find
    path.is_absolute()
        .then_some(path)
        .ok_or_else(|| format!("needs {name} for {}", machine.name()))
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
