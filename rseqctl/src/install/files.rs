//! Files that are read as they are and replaced in one step.

use std::fs::{self, DirBuilder, File, Permissions};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _, fchown};
use std::path::Path;

use super::error::Error;

/// Returns a file's bytes; nothing where there is no such file.
///
/// # Errors
///
/// It is a link, a folder or a device, or it cannot be read.
pub fn read(path: &Path) -> Result<Option<Vec<u8>>, Error> {
    let say = |source| Error::Read(path.to_path_buf(), source);
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(say(error)),
        Ok(metadata) if !metadata.is_file() => return Err(Error::NoFile(path.to_path_buf())),
        Ok(_) => {}
    }
    fs::read(path).map(Some).map_err(say)
}

/// Replaces a file, or makes one with this mode. Whoever reads it meanwhile finds the
/// old bytes or the new ones, also after a loss of power.
///
/// # Errors
///
/// It cannot be written; then it is as it was.
pub fn replace(path: &Path, bytes: &[u8], mode: u32) -> Result<(), Error> {
    try_to_replace(path, bytes, mode).map_err(|source| Error::Write(path.to_path_buf(), source))
}

fn try_to_replace(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("/"));
    DirBuilder::new()
        .recursive(true)
        .mode(0o755)
        .create(folder)?;
    let mut new = tempfile::NamedTempFile::new_in(folder)?;
    new.write_all(bytes)?;
    let (mode, owner) = match fs::symlink_metadata(path) {
        Ok(old) => (
            old.permissions().mode() & 0o7777,
            Some((old.uid(), old.gid())),
        ),
        Err(_) => (mode, None),
    };
    if let Some((user, group)) = owner {
        let here = new.as_file().metadata()?;
        if (here.uid(), here.gid()) != (user, group) {
            fchown(new.as_file(), Some(user), Some(group))?;
        }
    }
    new.as_file()
        .set_permissions(Permissions::from_mode(mode))?;
    new.as_file().sync_all()?;
    new.persist(path).map_err(|error| error.error)?;
    File::open(folder)?.sync_all()
}

/// Removes a file, if it is there.
///
/// # Errors
///
/// It cannot be removed.
pub fn remove(path: &Path) -> Result<(), Error> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(Error::Write(path.to_path_buf(), error))
        }
        _ => Ok(()),
    }
}
