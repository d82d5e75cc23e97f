//! One tree, walked in the order of names.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::folder::{Folder, Listed};
use super::found::{Found, FoundKind, Where};
use super::pick::Pick;
use super::problem::Problem;

/// Where a walk does not go, and what it has passed over.
#[derive(Debug)]
pub(super) struct Bounds {
    /// The devices of pseudo file systems.
    pub(super) pseudo: HashSet<u64>,
    /// Which files are audited.
    pub(super) pick: Pick,
    /// Symbolic links that were passed over.
    pub(super) links: u64,
}

/// A tree that is being walked.
pub(super) struct Tree {
    /// The folders on the way to where the walk is, each with the number of its
    /// next entry.
    way: Vec<(Arc<Folder>, usize)>,
}

impl Tree {
    /// Lists the root; also returns what to say about the root itself.
    pub(super) fn new(root: &Path, device: u64, bounds: &mut Bounds) -> (Self, Found) {
        let mut tree = Self { way: Vec::new() };
        let first = tree.enter(Folder::list(root.to_path_buf(), device, None), bounds);
        (tree, first)
    }

    /// Returns the next file, or folder just listed.
    pub(super) fn next(&mut self, bounds: &mut Bounds) -> Option<Found> {
        loop {
            let (folder, next) = self.way.last_mut()?;
            let index = *next;
            *next += 1;
            match folder.entry(index) {
                None => {
                    self.way.pop();
                }
                Some((name, false)) => {
                    if !bounds.pick.has_file(folder.path(), Path::new(name)) {
                        continue;
                    }
                    return Some(Found {
                        place: Where::In(Arc::clone(folder), index),
                        kind: FoundKind::File { named: false },
                    });
                }
                Some((name, true)) => {
                    if !bounds.pick.has_folder(folder.path(), Path::new(name)) {
                        continue;
                    }
                    let folder = Arc::clone(folder);
                    let path = || folder.path().join(name);
                    match folder.device_of(name) {
                        Ok(device)
                            if device == folder.device() || !bounds.pseudo.contains(&device) =>
                        {
                            let parent = Some((&*folder, name));
                            let listed = Folder::list(path(), device, parent);
                            return Some(self.enter(listed, bounds));
                        }
                        Ok(_) => {}
                        Err(error) => return Some(problem(path(), error)),
                    }
                }
            }
        }
    }

    /// Goes on in a folder.
    fn enter(
        &mut self,
        Listed {
            folder,
            problem: failed,
        }: Listed,
        bounds: &mut Bounds,
    ) -> Found {
        bounds.links += folder.links();
        if let Some(error) = failed {
            return problem(folder.path().to_path_buf(), error);
        }
        if folder.is_image() {
            return Found {
                place: Where::Path(folder.path().to_path_buf()),
                kind: FoundKind::Image,
            };
        }
        let folder = Arc::new(folder);
        self.way.push((Arc::clone(&folder), 0));
        Found {
            place: Where::Folder(folder),
            kind: FoundKind::Folder,
        }
    }
}

fn problem(path: PathBuf, error: std::io::Error) -> Found {
    Found {
        place: Where::Path(path),
        kind: FoundKind::Problem(Problem::Io(error)),
    }
}
