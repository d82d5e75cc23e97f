//! The files of a folder, always in the same order.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Returns the paths of everything that lies in `folder`, sorted by name.
///
/// # Errors
///
/// It cannot be read; the message names it.
pub fn sorted(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let read = || -> io::Result<Vec<PathBuf>> {
        fs::read_dir(folder)?
            .map(|entry| Ok(entry?.path()))
            .collect()
    };
    let mut paths = read().map_err(|error| format!("{}: {error}", folder.display()))?;
    paths.sort();
    Ok(paths)
}

/// Returns the files in `folder` and in all folders in it. Links are followed; what leads
/// nowhere is left out.
///
/// # Errors
///
/// As [`sorted`].
pub fn files(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for path in sorted(&folder)? {
            if path.is_dir() {
                folders.push(path);
            } else if path.is_file() {
                files.push(path);
            }
        }
    }
    Ok(files)
}

/// Returns the paths in `folder` whose name ends with `.EXTENSION`.
///
/// # Errors
///
/// As [`sorted`].
pub fn with_extension(folder: &Path, extension: &str) -> Result<Vec<PathBuf>, String> {
    let mut paths = sorted(folder)?;
    paths.retain(|path| path.extension().is_some_and(|word| word == extension));
    Ok(paths)
}
