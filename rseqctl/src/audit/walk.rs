//! Walking files and trees.
//!
//! A symbolic link is followed where it is named and not where it is met in a
//! tree. FIFOs, sockets and devices are never opened; in trees they are passed
//! over in silence. A pseudo file system such as /proc is entered only where
//! it is named.

use std::collections::HashSet;
use std::ffi::OsString;
use std::fs::{self, File, FileType, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::vec;

use super::Problem;
use super::mounts::pseudo_devices;

/// What the walk meets.
pub(super) enum Seen {
    /// A regular file, open.
    File {
        /// The open file.
        file: File,
        /// It is one of the named paths, not met in a tree.
        named: bool,
    },
    /// A folder that could be listed.
    Folder,
    /// Something that could not be used.
    Problem(Problem),
}

/// The walk.
pub(super) struct Walk {
    pseudo: HashSet<u64>,
}

/// A folder on the way.
struct Folder {
    entries: vec::IntoIter<(OsString, FileType)>,
    device: u64,
}

impl Default for Walk {
    fn default() -> Self {
        Self {
            pseudo: pseudo_devices(),
        }
    }
}

impl Walk {
    /// Visits every named path and what is below it.
    pub(super) fn run(&self, paths: &[PathBuf], mut visit: impl FnMut(&Path, Seen)) {
        for path in paths {
            match fs::metadata(path) {
                Ok(found) if found.is_dir() => self.tree(path, found.dev(), &mut visit),
                Ok(found) if found.is_file() => visit(path, open(path, true)),
                Ok(found) => {
                    let problem = Problem::special(found.file_type());
                    visit(path, Seen::Problem(problem));
                }
                Err(error) => visit(path, Seen::Problem(Problem::Io(error))),
            }
        }
    }

    fn tree(&self, root: &Path, device: u64, visit: &mut impl FnMut(&Path, Seen)) {
        let mut path = root.to_path_buf();
        let mut way = Vec::new();
        way.extend(list(&path, device, visit));
        while let Some(folder) = way.last_mut() {
            let device = folder.device;
            let Some((name, kind)) = folder.entries.next() else {
                way.pop();
                // the root's own last component is popped after its last use
                path.pop();
                continue;
            };
            path.push(name);
            if kind.is_dir() {
                if let Some(device) = self.enter(&path, device, visit)
                    && let Some(inner) = list(&path, device, visit)
                {
                    way.push(inner);
                    continue;
                }
            } else if kind.is_file() {
                visit(&path, open(&path, false));
            }
            path.pop();
        }
    }

    /// The device of a folder met in a tree, if it is to be entered.
    fn enter(&self, path: &Path, outer: u64, visit: &mut impl FnMut(&Path, Seen)) -> Option<u64> {
        match fs::symlink_metadata(path) {
            Ok(found) => {
                let device = found.dev();
                (device == outer || !self.pseudo.contains(&device)).then_some(device)
            }
            Err(error) => {
                visit(path, Seen::Problem(Problem::Io(error)));
                None
            }
        }
    }
}

/// The entries of a folder, sorted by name.
fn list(path: &Path, device: u64, visit: &mut impl FnMut(&Path, Seen)) -> Option<Folder> {
    let entries = fs::read_dir(path).and_then(|entries| {
        entries
            .map(|entry| entry.and_then(|entry| Ok((entry.file_name(), entry.file_type()?))))
            .collect::<io::Result<Vec<_>>>()
    });
    match entries {
        Ok(mut entries) => {
            visit(path, Seen::Folder);
            entries.sort_unstable_by(|one, other| one.0.cmp(&other.0));
            Some(Folder {
                entries: entries.into_iter(),
                device,
            })
        }
        Err(error) => {
            visit(path, Seen::Problem(Problem::Io(error)));
            None
        }
    }
}

/// Opens a file that was regular a moment ago, so that it can do no harm if it
/// is something else by now: no wait for a FIFO's writer, no controlling
/// terminal, and in a tree no symbolic link.
fn open(path: &Path, named: bool) -> Seen {
    let follow = if named { 0 } else { libc::O_NOFOLLOW };
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY | follow)
        .open(path);
    match file {
        Ok(file) => Seen::File { file, named },
        Err(error) => Seen::Problem(Problem::Io(error)),
    }
}
