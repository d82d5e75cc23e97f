//! Where a member stands.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

/// Where something stands: a file, or `outer!/inner`.
pub(in crate::audit) struct MemberPath {
    pub(in crate::audit) path: PathBuf,
    pub(super) depth: u32,
    /// It is a file, so that there may be others beside it.
    pub(super) is_file: bool,
}

impl MemberPath {
    pub(in crate::audit) fn outermost(path: &Path) -> Self {
        Self {
            path: path.to_path_buf(),
            depth: 0,
            is_file: true,
        }
    }

    pub(in crate::audit) fn in_memory(path: &Path) -> Self {
        Self {
            is_file: false,
            ..Self::outermost(path)
        }
    }

    /// Returns the place of a member of the container at this one. Names are shown, never
    /// followed.
    pub(super) fn inside(&self, name: &[u8]) -> Self {
        self.joined(b"!/", plain(name))
    }

    /// Returns the place of one of several images in the container at this one.
    pub(super) fn image(&self, name: &str) -> Self {
        let mut place = self.joined(b"!", name.as_bytes());
        place.depth = self.depth;
        place
    }

    fn joined(&self, between: &[u8], name: &[u8]) -> Self {
        let path = [self.path.as_os_str().as_bytes(), between, name].concat();
        Self {
            path: OsString::from_vec(path).into(),
            depth: self.depth + 1,
            is_file: false,
        }
    }

    pub(super) fn name(&self) -> &[u8] {
        self.path.as_os_str().as_bytes()
    }
}

/// Returns a member's name without the dots and slashes that archivers put first.
pub(super) fn plain(mut name: &[u8]) -> &[u8] {
    loop {
        name = match name {
            [b'.', b'/', rest @ ..] | [b'/', rest @ ..] => rest,
            _ => return name,
        };
    }
}
