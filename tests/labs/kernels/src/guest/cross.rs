//! What builds for AArch64: a cross compiler with its C library, and Rust's standard
//! library.

use std::path::{Path, PathBuf};

use rseq_kit::child::Program;
use rseq_kit::needs::program;

use rseq_kit::machine::Machine;

/// The architecture, as rustc calls it.
pub const TARGET: &str = "aarch64-unknown-linux-gnu";

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
