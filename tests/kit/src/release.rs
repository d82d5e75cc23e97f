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
            None => make(),
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

/// Returns the packages of the tarball: Debian's, for rpm, the wheel, and the
/// archive of the image.
///
/// # Errors
///
/// They cannot be made.
pub fn packages() -> Result<Vec<PathBuf>, String> {
    static PACKAGES: LazyLock<Result<Vec<PathBuf>, String>> = LazyLock::new(|| {
        let folder = scratch::directory("packages")?;
        xtask(&["package", "--tarball"])?
            .arg(tarball()?)
            .arg("--to")
            .arg(&folder)
            .run()?
            .expect(0)?;
        let all = ["deb", "rpm", "whl", "tar"].map(|extension| ending(&folder, extension));
        let all: Vec<_> = all.into_iter().collect::<Result<_, _>>()?;
        Ok(all.concat())
    });
    PACKAGES.clone()
}

/// Makes a tarball of the files under test, once more.
///
/// # Errors
///
/// It cannot be made.
pub fn made_anew() -> Result<PathBuf, String> {
    make()
}

fn make() -> Result<PathBuf, String> {
    let folder = scratch::directory("tarball")?;
    let built = artifacts()?.rseqctl.with_file_name("");
    xtask(&["dist", "--built"])?
        .arg(built)
        .arg("--to")
        .arg(&folder)
        .run()?
        .expect(0)?;
    let mut made = ending(&folder, "gz")?;
    made.pop()
        .ok_or_else(|| "cargo xtask dist has made no tarball".to_owned())
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

fn ending(folder: &Path, extension: &str) -> Result<Vec<PathBuf>, String> {
    let entries = fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let paths = entries.flatten().map(|entry| entry.path());
    Ok(paths
        .filter(|path| path.extension().is_some_and(|it| it == extension))
        .collect())
}
