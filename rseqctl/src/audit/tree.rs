//! One tree, walked in the order of names.

use std::cmp::Ordering;
use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::fs::{self, FileType};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::vec;

use super::Problem;
use super::walk::{Found, FoundKind};

/// The file that marks a folder as an OCI image layout.
const IMAGE_MARK: &str = "oci-layout";

/// A tree that is being walked.
pub(super) struct Tree {
    /// The folders on the way to where the walk is.
    way: Vec<Folder>,
    path: PathBuf,
}

/// A folder on the way: what of it is still to be visited.
struct Folder {
    entries: vec::IntoIter<(OsString, FileType)>,
    device: u64,
}

impl Tree {
    /// Lists the root; also answers what to say about the root itself.
    pub(super) fn new(root: &Path, device: u64) -> (Self, Found) {
        let mut tree = Self {
            way: Vec::new(),
            path: root.to_path_buf(),
        };
        let first = tree.enter(device);
        (tree, first)
    }

    /// The next file, or folder just listed.
    pub(super) fn next(&mut self, pseudo: &HashSet<u64>) -> Option<Found> {
        loop {
            let folder = self.way.last_mut()?;
            let device = folder.device;
            let Some((name, kind)) = folder.entries.next() else {
                self.way.pop();
                // the root's own last component goes after its last use
                self.path.pop();
                continue;
            };
            if kind.is_file() {
                let path = self.path.join(name);
                let kind = FoundKind::File { named: false };
                return Some(Found { path, kind });
            }
            if !kind.is_dir() {
                continue;
            }
            self.path.push(name);
            match fs::symlink_metadata(&self.path).map(|found| found.dev()) {
                Ok(inner) if inner == device || !pseudo.contains(&inner) => {
                    return Some(self.enter(inner));
                }
                Ok(_) => {
                    self.path.pop();
                }
                Err(error) => {
                    let found = self.found(FoundKind::Problem(Problem::Io(error)));
                    self.path.pop();
                    return Some(found);
                }
            }
        }
    }

    /// Lists the folder at the path. One that is not walked leaves an empty
    /// entry on the way, so that the path is shortened in one place.
    fn enter(&mut self, device: u64) -> Found {
        let (entries, kind) = match list(&self.path) {
            Ok(entries) if is_image(&entries) => (Vec::new(), FoundKind::Image),
            Ok(entries) => (entries, FoundKind::Folder),
            Err(error) => (Vec::new(), FoundKind::Problem(Problem::Io(error))),
        };
        self.way.push(Folder {
            entries: entries.into_iter(),
            device,
        });
        self.found(kind)
    }

    fn found(&self, kind: FoundKind) -> Found {
        let path = self.path.clone();
        Found { path, kind }
    }
}

/// The entries of a folder, sorted as their paths and those below them will be.
fn list(path: &Path) -> io::Result<Vec<(OsString, FileType)>> {
    let mut entries = fs::read_dir(path)?
        .map(|entry| entry.and_then(|entry| Ok((entry.file_name(), entry.file_type()?))))
        .collect::<io::Result<Vec<_>>>()?;
    entries.sort_unstable_by(|one, other| {
        order((&one.0, one.1.is_dir()), (&other.0, other.1.is_dir()))
    });
    Ok(entries)
}

/// Compares two names, a folder's with the slash that will follow it.
fn order(one: (&OsStr, bool), other: (&OsStr, bool)) -> Ordering {
    let slash = |is_folder: bool| is_folder.then_some(&b'/');
    let (name, rest) = (one.0.as_bytes(), other.0.as_bytes());
    if !one.1 && !other.1 {
        return name.cmp(rest);
    }
    name.iter()
        .chain(slash(one.1))
        .cmp(rest.iter().chain(slash(other.1)))
}

fn is_image(entries: &[(OsString, FileType)]) -> bool {
    entries
        .iter()
        .any(|(name, kind)| name == IMAGE_MARK && kind.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_sort_as_paths_do() {
        let file = |name: &'static str| (OsStr::new(name), false);
        let folder = |name: &'static str| (OsStr::new(name), true);
        let mut names = [
            folder("a"),
            file("a.so"),
            file("a-b"),
            file("a0"),
            file("A"),
        ];
        names.sort_by(|one, other| order(*one, *other));
        let expected = ["A", "a-b", "a.so", "a", "a0"];
        assert_eq!(names.map(|(name, _)| name), expected.map(OsStr::new));
    }
}
