//! Lists of paths.

use std::ffi::OsStr;
use std::fs;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::error::Error;

/// A file that lists paths.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathList {
    /// The file; `-` is standard input.
    pub path: PathBuf,
    /// Each path ends with a zero byte, not with a line.
    pub ends_with_zero: bool,
}

impl PathList {
    /// Reads the paths, empty ones left out.
    pub(super) fn read(&self) -> Result<Vec<PathBuf>, Error> {
        let mut bytes = Vec::new();
        let read = if self.path == Path::new("-") {
            io::stdin().lock().read_to_end(&mut bytes).map(drop)
        } else {
            fs::read(&self.path).map(|read| bytes = read)
        };
        read.map_err(|source| Error::PathList {
            path: self.path.clone(),
            source,
        })?;
        Ok(self.paths(&bytes))
    }

    fn paths(&self, bytes: &[u8]) -> Vec<PathBuf> {
        let end = if self.ends_with_zero { 0 } else { b'\n' };
        let paths = bytes.split(|byte| *byte == end);
        let paths = paths.filter(|path| !path.is_empty());
        paths
            .map(|path| PathBuf::from(OsStr::from_bytes(path)))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_zeros() {
        let list = |ends_with_zero| PathList {
            path: PathBuf::from("-"),
            ends_with_zero,
        };
        let paths = |texts: &[&str]| texts.iter().map(PathBuf::from).collect::<Vec<_>>();
        assert_eq!(list(false).paths(b"/a b\n\n/c"), paths(&["/a b", "/c"]));
        assert_eq!(list(true).paths(b"/a\nb\0/c\0"), paths(&["/a\nb", "/c"]));
    }
}
