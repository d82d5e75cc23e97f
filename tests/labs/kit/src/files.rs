//! The files under test, in a folder that every user of the machine may read:
//! some programs refuse to run as root.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use rseq_kit::artifacts::artifacts;
use rseq_kit::executable;
use rseq_kit::scratch;

/// Where the files under test are.
#[derive(Clone, Debug)]
pub struct Files {
    /// The preload.
    pub shim: PathBuf,
    /// The command.
    pub rseqctl: PathBuf,
}

/// The files under test, built first where need be.
///
/// # Errors
///
/// They cannot be built or copied.
pub fn files() -> Result<&'static Files, String> {
    static FILES: LazyLock<Result<Files, String>> = LazyLock::new(|| {
        let from = artifacts()?;
        let folder = folder("files")?;
        let copy = |path: &Path| {
            let name = path.file_name().ok_or("a path without a name")?;
            let place = folder.join(name);
            executable::copied(path, &place, 0o755)?;
            Ok::<_, String>(place)
        };
        copy(&from.abi)?;
        // as where they are installed
        for platform in ["x86_64", "haswell", "xeon_phi"] {
            symlink(".", folder.join(platform)).map_err(|error| error.to_string())?;
        }
        Ok(Files {
            shim: copy(&from.shim)?,
            rseqctl: copy(&from.rseqctl)?,
        })
    });
    FILES.as_ref().map_err(Clone::clone)
}

/// A new folder that every user may read, gone at the end of the lab.
///
/// # Errors
///
/// It cannot be made.
pub fn folder(label: &str) -> Result<PathBuf, String> {
    let folder = scratch::directory(label)?;
    let parent = folder.parent().unwrap_or(&folder);
    for path in [parent, &folder] {
        fs::set_permissions(path, fs::Permissions::from_mode(0o755))
            .map_err(|error| format!("{}: {error}", path.display()))?;
    }
    Ok(folder)
}

/// Lets every user of the machine write into a folder.
///
/// # Errors
///
/// The kernel's.
pub fn open_to_all(folder: &Path) -> Result<(), String> {
    fs::set_permissions(folder, fs::Permissions::from_mode(0o777))
        .map_err(|error| format!("{}: {error}", folder.display()))
}
