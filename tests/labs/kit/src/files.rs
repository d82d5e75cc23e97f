//! The files under test, in a folder that every user of the machine may read:
//! some programs refuse to run as root.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use rseq_kit::artifacts::{Artifacts, link_platforms};
use rseq_kit::executable;
pub use rseq_kit::scratch::public as folder;

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
        let folder = folder("files")?;
        let Artifacts { shim, rseqctl, .. } = executable::installed(&folder)?;
        link_platforms(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        Ok(Files { shim, rseqctl })
    });
    FILES.as_ref().map_err(Clone::clone)
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
