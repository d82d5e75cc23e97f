//! The files under test: the command, the two libraries and the archive.
//!
//! `RSEQ_ARTIFACTS` names a directory that holds them (an installed copy, a
//! release build), seen from the workspace. Without it cargo builds them beside
//! the test binary.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::Duration;

use tls_model::rseq::arch;

use crate::child::Program;

/// What programs and the shim ask for. Cargo leaves the number out.
const ABI: &str = "librseq_abi.so.1";

/// Where the files under test are.
#[derive(Clone, Debug)]
pub struct Artifacts {
    /// The command.
    pub rseqctl: PathBuf,
    /// The symbol of last resort, `librseq_abi.so.1`.
    pub abi: PathBuf,
    /// The preload, `librseq_shim.so`.
    pub shim: PathBuf,
    /// The archive that makes a program an owner, `librseq_owner.a`.
    pub owner: PathBuf,
}

/// Returns the files under test, built first where need be.
///
/// # Errors
///
/// They cannot be built, or one is missing.
pub fn artifacts() -> Result<&'static Artifacts, String> {
    static ARTIFACTS: LazyLock<Result<Artifacts, String>> = LazyLock::new(|| {
        let directory = match std::env::var_os("RSEQ_ARTIFACTS") {
            Some(directory) => workspace().join(directory),
            None => build()?,
        };
        // a folder of somebody else's may not take them
        let _ = link_platforms(&directory);
        let _ = std::os::unix::fs::symlink("librseq_abi.so", directory.join(ABI));
        let file = |name: &str| {
            let path = directory.join(name);
            path.is_file()
                .then_some(path)
                .ok_or_else(|| format!("no {name} in {}", directory.display()))
        };
        Ok(Artifacts {
            rseqctl: file("rseqctl")?,
            abi: file(ABI)?,
            shim: file("librseq_shim.so")?,
            owner: directory.join("librseq_owner.a"),
        })
    });
    ARTIFACTS.as_ref().map_err(Clone::clone)
}

/// Makes the links by which glibc's dynamic linker alone finds the libraries of a folder, as
/// where they are installed, as far as they are not there.
///
/// # Errors
///
/// The kernel's, for the first that cannot be made.
pub fn link_platforms(folder: &Path) -> std::io::Result<()> {
    let platforms = arch::native().map_or(&[][..], |native| native.platforms());
    for platform in platforms {
        match std::os::unix::fs::symlink(".", folder.join(platform)) {
            Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

/// Returns the folder `tests` of the checkout, which holds the package of the test that
/// asks: as cargo says it now, else as it was when this was compiled (checkouts
/// move, and target folders are shared).
#[must_use]
pub fn room() -> PathBuf {
    let package = std::env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    let above = package
        .ancestors()
        .find(|folder| folder.join("fixtures").is_dir());
    above.unwrap_or(&package).to_owned()
}

/// Returns the folder of the workspace.
#[must_use]
pub fn workspace() -> PathBuf {
    let mut folder = room();
    folder.pop();
    folder
}

/// Builds into the profile folder of this very binary: `target/debug/deps/x`
/// (a test) and `target/debug/x` (a program) ask for `target/debug`.
fn build() -> Result<PathBuf, String> {
    let folder = profile_folder()?;
    let profile = match folder.file_name().and_then(|name| name.to_str()) {
        Some("debug") | None => "dev",
        Some(name) => name,
    };
    let packages = ["rseq-abi-library", "rseq-shim", "rseq-owner", "rseqctl"];
    cargo("build", &folder)
        .args(["--profile", profile])
        .args(packages.iter().flat_map(|package| ["-p", package]))
        // what is tested is what is shipped
        .env("RSEQCTL_FLOOR", "2.17")
        .run()?
        .expect(0)
        .map_err(|error| format!("the files under test do not build: {error}"))?;
    archive(&folder)?;
    Ok(folder)
}

/// Returns a target folder for cargo that is kept beside that of this very binary.
///
/// # Errors
///
/// This binary is in no target folder.
pub fn kept_target(name: &str) -> Result<PathBuf, String> {
    let folder = profile_folder()?;
    Ok(folder.parent().unwrap_or(&folder).join(name))
}

/// Returns the profile folder of this very binary.
pub(crate) fn profile_folder() -> Result<PathBuf, String> {
    let binary = std::env::current_exe().map_err(|error| error.to_string())?;
    let is_test = binary
        .parent()
        .is_some_and(|folder| folder.ends_with("deps"));
    let mut folders = binary.ancestors().skip(if is_test { 2 } else { 1 });
    match (folders.next(), folders.next()) {
        (Some(folder), Some(_)) => Ok(folder.to_owned()),
        _ => Err(format!("{} is in no target folder", binary.display())),
    }
}

/// Returns cargo in the workspace, with the target folder that a profile's folder is in.
pub(crate) fn cargo(verb: &str, profile_folder: &Path) -> Program {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| env!("CARGO").into());
    let target = profile_folder.parent().unwrap_or(profile_folder);
    Program::with_callers_environment(cargo)
        .args([verb, "--quiet", "--target-dir"])
        .arg(target)
        .directory(&workspace())
        .limit(Duration::from_secs(900))
}

/// Makes the archive as it is shipped of what cargo has built.
fn archive(folder: &Path) -> Result<(), String> {
    Program::with_callers_environment(workspace().join("loader-shim/owner/archive.sh"))
        .arg(folder.join("librseq_owner_parts.a"))
        .arg(folder.join("librseq_owner.a"))
        .run()?
        .expect(0)
        .map(drop)
        .map_err(|error| format!("the archive cannot be made: {error}"))
}
