//! Files that are about to be started, copied or written so that nobody finds them busy.
//!
//! A descriptor of ours that is open for writing is inherited by each child that another
//! test starts in that moment. Until such a child has reached its exec, the file cannot be
//! started (execve(2), ETXTBSY), neither by us nor below any launcher. So it is another
//! process that writes it.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use crate::artifacts::{Artifacts, artifacts};
use crate::child::Program;
use crate::needs::program;
use crate::scratch;

/// Copies a file, and gives the copy a mode.
///
/// # Errors
///
/// cp's, with both paths.
pub fn copied(from: impl AsRef<Path>, to: &Path, mode: u32) -> Result<(), String> {
    Program::new(program("cp")?)
        .args([from.as_ref(), to])
        .run()?
        .expect(0)?;
    fs::set_permissions(to, Permissions::from_mode(mode))
        .map_err(|error| format!("{}: {error}", to.display()))
}

/// Writes a file, and gives it a mode.
///
/// # Errors
///
/// It cannot be written.
pub fn written(to: &Path, content: impl AsRef<[u8]>, mode: u32) -> Result<(), String> {
    let source = scratch::directory("written")?.join("content");
    fs::write(&source, content).map_err(|error| format!("{}: {error}", source.display()))?;
    copied(&source, to, mode)
}

/// Copies the command and its two libraries into a folder, each by its name.
///
/// # Errors
///
/// As [`copied`].
pub fn installed(folder: &Path) -> Result<Artifacts, String> {
    let files = artifacts()?;
    let to = |file: &Path| folder.join(file.file_name().unwrap_or_default());
    let copies = Artifacts {
        rseqctl: to(&files.rseqctl),
        abi: to(&files.abi),
        shim: to(&files.shim),
        owner: files.owner.clone(),
    };
    copied(&files.rseqctl, &copies.rseqctl, 0o755)?;
    copied(&files.shim, &copies.shim, 0o644)?;
    copied(&files.abi, &copies.abi, 0o644)?;
    Ok(copies)
}
