//! One temporary directory per test binary, removed at its end.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{LazyLock, Mutex, PoisonError};

use tempfile::TempDir;

static ROOT: LazyLock<Mutex<Option<TempDir>>> = LazyLock::new(|| Mutex::new(None));

/// Returns a new, empty directory whose name starts with `label`.
///
/// # Errors
///
/// The temporary directory of the system cannot be written.
pub fn directory(label: &str) -> Result<PathBuf, String> {
    static NEXT: AtomicU32 = AtomicU32::new(0);

    let mut root = ROOT.lock().unwrap_or_else(PoisonError::into_inner);
    let root = match &mut *root {
        Some(root) => root,
        none => none.insert(
            tempfile::Builder::new()
                .prefix("rseq-tests-")
                .tempdir()
                .map_err(|error| format!("no temporary directory: {error}"))?,
        ),
    };
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let path = root.path().join(format!("{label}-{number}"));
    std::fs::create_dir(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(path)
}

/// Returns a new, empty directory that every user of the machine may read.
///
/// # Errors
///
/// As [`directory`].
pub fn public(label: &str) -> Result<PathBuf, String> {
    let folder = directory(label)?;
    for path in [folder.parent().unwrap_or(&folder), &folder] {
        std::fs::set_permissions(path, Permissions::from_mode(0o755))
            .map_err(|error| format!("{}: {error}", path.display()))?;
    }
    Ok(folder)
}

/// Removes everything that [`directory`] has made.
pub fn remove() {
    drop(ROOT.lock().unwrap_or_else(PoisonError::into_inner).take());
}
