//! What the walk meets, and how it is opened.

use std::borrow::Cow;
use std::fs::File;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{CWD, Mode, OFlags, openat};

use super::folder::Folder;
use super::problem::Problem;

/// Something that the walk meets.
#[derive(Debug)]
pub(super) struct Found {
    /// Where it is.
    pub(super) place: Where,
    /// What it is.
    pub(super) kind: FoundKind,
}

/// Where something is. Most files have nothing to report: their paths are never
/// put together.
#[derive(Debug)]
pub(super) enum Where {
    /// A path.
    Path(PathBuf),
    /// A folder that was listed.
    Folder(Arc<Folder>),
    /// An entry of one.
    In(Arc<Folder>, usize),
}

/// What the walk meets.
#[derive(Debug)]
pub(super) enum FoundKind {
    /// A regular file.
    File {
        /// It is one of the named paths, not met in a tree.
        named: bool,
    },
    /// A folder that holds an OCI image layout.
    Image,
    /// A folder that was listed.
    Folder,
    /// Something that could not be used.
    Problem(Problem),
}

impl Found {
    /// Returns its path, as it was named or met.
    pub(super) fn path(&self) -> Cow<'_, Path> {
        match &self.place {
            Where::Path(path) => path.into(),
            Where::Folder(folder) => folder.path().into(),
            Where::In(folder, index) => match folder.entry(*index) {
                Some((name, _)) => folder.path().join(name).into(),
                None => folder.path().into(),
            },
        }
    }

    /// Returns what its path ends with: the last name at least.
    pub(super) fn name(&self) -> &[u8] {
        match &self.place {
            Where::Path(path) => path.as_os_str().as_bytes(),
            Where::Folder(folder) => folder.path().as_os_str().as_bytes(),
            Where::In(folder, index) => folder
                .entry(*index)
                .map_or(&[][..], |(name, _)| name.as_bytes()),
        }
    }

    /// Opens a file that was regular a moment ago, so that it can do no harm if
    /// it is something else by now: no wait for a FIFO's writer, no controlling
    /// terminal, and in a tree no symbolic link.
    pub(super) fn open(&self) -> io::Result<File> {
        match &self.place {
            Where::In(folder, index) => match folder.entry(*index) {
                Some((name, _)) => folder.open(name, CAREFUL | OFlags::NOFOLLOW),
                None => Err(io::ErrorKind::NotFound.into()),
            },
            Where::Path(path) => open(path),
            Where::Folder(folder) => open(folder.path()),
        }
    }

    /// Returns what it is sorted by: a folder comes where its contents do.
    pub(super) fn key(&self) -> Cow<'_, [u8]> {
        let path = self.path();
        let bytes = path.as_os_str().as_bytes();
        if matches!(self.kind, FoundKind::Folder) && !bytes.ends_with(b"/") {
            return [bytes, b"/"].concat().into();
        }
        match path {
            Cow::Borrowed(path) => path.as_os_str().as_bytes().into(),
            Cow::Owned(path) => path.into_os_string().into_encoded_bytes().into(),
        }
    }
}

const CAREFUL: OFlags = OFlags::NONBLOCK.union(OFlags::NOCTTY);

/// Opens a file that was named, with the care of [`Found::open`].
pub(super) fn open(path: &Path) -> io::Result<File> {
    Ok(openat(CWD, path, CAREFUL | OFlags::CLOEXEC, Mode::empty())?.into())
}
