//! Builds the two shared libraries, for `cargo install`: whoever has only this package and
//! a Rust toolchain gets a command that needs nothing beside it.
//!
//! `libraries` holds their sources (links to them, in a checkout), and the files of cargo
//! under names that cargo does not take for a package inside this one. They are put
//! together in the build folder as a small workspace and built by the same cargo, into a
//! target folder of their own, so that no lock is shared with the cargo that runs this.
//! Everything that it needs is a dependency of this package, too, and there already.

use std::env;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Their sources, from the package.
const SOURCES: &str = "libraries";

/// The folders of their packages.
const PACKAGES: [&str; 3] = ["shim", "abi", "tls-model"];

/// As the releases are built: the profile of the workspace.
const PROFILE: &str = "shipped";

/// Returns whether the shim is for what this is built for.
pub fn are_known() -> bool {
    let is = |name: &str, values: &[&str]| {
        env::var(name).is_ok_and(|value| values.contains(&value.as_str()))
    };
    is("CARGO_CFG_TARGET_OS", &["linux"])
        && is("CARGO_CFG_TARGET_ENV", &["gnu"])
        && is("CARGO_CFG_TARGET_ARCH", &["x86_64", "aarch64"])
}

/// Builds them. Returns the folder that they are in.
///
/// # Errors
///
/// Files cannot be copied, or they do not build.
pub fn build() -> Result<PathBuf, String> {
    println!("cargo::rerun-if-changed={SOURCES}");
    let variable = |name: &str| env::var(name).map_err(|error| format!("{name}: {error}"));
    let workspace = PathBuf::from(variable("OUT_DIR")?).join("libraries");
    let target = variable("TARGET")?;
    put_together(&workspace)
        .map_err(|error| format!("cannot copy {SOURCES} to {}: {error}", workspace.display()))?;
    let built = workspace.join("target");
    let mut cargo = Command::new(variable("CARGO")?);
    cargo
        .args(["build", "--quiet", "--profile", PROFILE])
        .args(["--package", "rseq-shim", "--package", "rseq-abi-library"])
        .args(["--target", &target, "--manifest-path"])
        .arg(workspace.join("Cargo.toml"))
        .arg("--target-dir")
        .arg(&built);
    // what was asked for this executable: the libraries are always built alike
    let is_ours = |name: &str| {
        name.starts_with("CARGO_PROFILE_")
            || [
                "CARGO_ENCODED_RUSTFLAGS",
                "RUSTFLAGS",
                "RUSTC_WORKSPACE_WRAPPER",
            ]
            .contains(&name)
    };
    let names = env::vars_os().map(|(name, _)| name);
    for name in names.filter(|name| name.to_str().is_some_and(is_ours)) {
        cargo.env_remove(name);
    }
    let output = cargo
        .output()
        .map_err(|error| format!("cannot start {}: {error}", cargo.get_program().display()))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(format!("{cargo:?}: {}\n{said}", output.status));
    }
    Ok(built.join(target).join(PROFILE))
}

/// Makes the workspace.
fn put_together(to: &Path) -> io::Result<()> {
    let from = Path::new(SOURCES);
    for package in PACKAGES {
        let (from, to) = (from.join(package), to.join(package));
        copy(&from.join("src"), &to.join("src"))?;
        let script = from.join("build.rs");
        if script.exists() {
            fs::copy(script, to.join("build.rs"))?;
        }
        // what only its tests need is not here
        let manifest = without(
            &fs::read_to_string(from.join("manifest.toml"))?,
            "dev-dependencies",
        );
        write(&to.join("Cargo.toml"), &manifest)?;
    }
    fs::copy(from.join("linker.rs"), to.join("linker.rs"))?;
    write(
        &to.join("Cargo.lock"),
        &fs::read_to_string(from.join("lock.toml"))?,
    )?;
    let manifest = fs::read_to_string(from.join("workspace.toml"))?;
    let manifest = of_these(&manifest).ok_or_else(|| io::Error::other("no members"))?;
    write(&to.join("Cargo.toml"), &manifest)
}

/// Returns the manifest of the workspace with these members, where they are now.
fn of_these(manifest: &str) -> Option<String> {
    let (before, rest) = manifest.split_once("members = [")?;
    let (_, after) = rest.split_once(']')?;
    let members = PACKAGES.map(|name| format!("{name:?}")).join(", ");
    Some(format!("{before}members = [{members}]{after}"))
}

/// Returns a manifest without a table.
fn without(manifest: &str, table: &str) -> String {
    let head = format!("[{table}]");
    let mut is_left_out = false;
    let mut text = String::new();
    for line in manifest.lines() {
        if line.starts_with('[') {
            is_left_out = line == head;
        }
        if !is_left_out {
            text += line;
            text.push('\n');
        }
    }
    text
}

/// Copies a folder.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let path = entry?.path();
        let target = to.join(path.file_name().unwrap_or_default());
        if path.is_dir() {
            copy(&path, &target)?;
        } else {
            write(&target, &fs::read_to_string(&path)?)?;
        }
    }
    Ok(())
}

/// Writes a file, unless it is there: cargo builds anew what has changed.
fn write(path: &Path, text: &str) -> io::Result<()> {
    if fs::read_to_string(path).is_ok_and(|old| old == text) {
        return Ok(());
    }
    fs::write(path, text)
}
