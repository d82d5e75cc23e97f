//! A release as people get it: the tarball, unpacked, and the packages made of it.
//!
//! `RSEQ_TARBALL` names a tarball. Without it `cargo xtask` makes one of the files under
//! test, by what makes every release.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::Duration;

use crate::artifacts::{artifacts, cargo, profile_folder};
use crate::child::Program;
use crate::needs::program;
use crate::scratch;

/// Returns the tarball.
///
/// # Errors
///
/// It cannot be made.
pub fn tarball() -> Result<PathBuf, String> {
    static TARBALL: LazyLock<Result<PathBuf, String>> =
        LazyLock::new(|| match std::env::var_os("RSEQ_TARBALL") {
            Some(tarball) => Ok(tarball.into()),
            None => made_anew(),
        });
    TARBALL.clone()
}

/// Returns a folder with what is in the tarball: `bin`, `include`, `lib`, `share`.
///
/// # Errors
///
/// It cannot be made or unpacked.
pub fn unpacked() -> Result<PathBuf, String> {
    static FOLDER: LazyLock<Result<PathBuf, String>> = LazyLock::new(|| {
        let folder = scratch::directory("release")?;
        unpack(&tarball()?, &folder)?;
        Ok(folder)
    });
    FOLDER.clone()
}

/// Unpacks the tarball into a folder.
///
/// # Errors
///
/// tar's.
pub fn unpack(tarball: &Path, folder: &Path) -> Result<(), String> {
    Program::with_callers_environment(program("tar")?)
        .args(["--strip-components", "1", "-xzf"])
        .args([tarball, "-C".as_ref(), folder])
        .limit(Duration::from_secs(60))
        .run()?
        .expect(0)
        .map(drop)
}

/// Returns the packages of the tarball whose names end so: `.deb`, `.rpm`, `.whl` or
/// `.oci.tar`.
///
/// # Errors
///
/// They cannot be made, or there is none of that name.
pub fn packages(ending: &str) -> Result<Vec<PathBuf>, String> {
    static FOLDER: LazyLock<Result<PathBuf, String>> = LazyLock::new(|| {
        let folder = scratch::directory("packages")?;
        xtask(&["package", "--tarball"])?
            .arg(tarball()?)
            .arg("--to")
            .arg(&folder)
            .run()?
            .expect(0)?;
        Ok(folder)
    });
    files_ending(&FOLDER.clone()?, ending)
}

/// Makes a tarball of the files under test, once more.
///
/// # Errors
///
/// It cannot be made.
pub fn made_anew() -> Result<PathBuf, String> {
    let folder = scratch::directory("tarball")?;
    xtask(&["dist", "--built"])?
        .arg(stripped()?)
        .arg("--to")
        .arg(&folder)
        .run()?
        .expect(0)?;
    Ok(files_ending(&folder, ".tar.gz")?.swap_remove(0))
}

/// Returns a folder with the files under test, the command without its symbols, as it is
/// shipped: a quarter of the bytes, which many tests pack and unpack.
fn stripped() -> Result<PathBuf, String> {
    let folder = scratch::directory("stripped")?;
    let built = artifacts()?;
    for file in [&built.rseqctl, &built.abi, &built.shim, &built.owner] {
        let file =
            fs::canonicalize(file).map_err(|error| format!("{}: {error}", file.display()))?;
        let name = file.file_name().unwrap_or_default();
        let copied = fs::copy(&file, folder.join(name));
        copied.map_err(|error| format!("{}: {error}", file.display()))?;
    }
    Program::with_callers_environment(program("strip")?)
        .arg(folder.join("rseqctl"))
        .run()?
        .expect(0)?;
    Ok(folder)
}

/// Makes the book of docs in a folder.
///
/// # Errors
///
/// It cannot be made, or a link of it leads nowhere.
pub fn book() -> Result<PathBuf, String> {
    let folder = scratch::directory("book")?.join("html");
    xtask(&["book", "--to"])?.arg(&folder).run()?.expect(0)?;
    Ok(folder)
}

fn xtask(words: &[&str]) -> Result<Program, String> {
    let folder = profile_folder()?;
    let target = folder.parent().unwrap_or(&folder);
    Ok(cargo("run", &folder)
        .args(["--package", "xtask", "--"])
        .args(words)
        // what it starts itself builds beside the files under test
        .env("CARGO_TARGET_DIR", target))
}

/// The files of a folder whose names end so, of which there is one at least.
fn files_ending(folder: &Path, ending: &str) -> Result<Vec<PathBuf>, String> {
    let entries = fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let paths = entries.flatten().map(|entry| entry.path());
    let found: Vec<_> = paths
        .filter(|path| path.to_string_lossy().ends_with(ending))
        .collect();
    if found.is_empty() {
        return Err(format!("nothing in {} ends in {ending}", folder.display()));
    }
    Ok(found)
}
