//! Walking files and trees, in the order of names.
//!
//! A symbolic link is followed where it is named and not where it is met in a
//! tree. FIFOs, sockets and devices are never opened; in trees they are passed
//! over in silence. A pseudo file system such as /proc is entered only where
//! it is named.
//!
//! Everything comes sorted by the bytes of its path, whatever the order of the
//! named paths: so a report can be written while the walk goes on, and memory
//! is taken for the folders on the way only.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;
use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::found::{Found, FoundKind, Where};
use super::mounts::pseudo_devices;
use super::pick::Pick;
use super::problem::Problem;
use super::tree::{Bounds, Tree};

/// The walk.
pub(super) struct Walk {
    bounds: Bounds,
    /// What is still to be visited, the first name on top.
    waiting: BinaryHeap<Reverse<Waiting>>,
    /// The tree that is being walked.
    current: Option<Tree>,
    /// Key of what came last, where it may come again from another tree.
    last: Vec<u8>,
}

/// A named path, or a tree that was left for an earlier name.
struct Waiting {
    key: Vec<u8>,
    what: What,
}

enum What {
    Found(Found),
    Tree(Box<Tree>, Found),
}

impl Walk {
    /// Returns a walk over every named path and what is below it.
    pub(super) fn new(paths: &[PathBuf], pick: Pick) -> Self {
        let mut walk = Self {
            bounds: Bounds {
                pseudo: pseudo_devices(),
                pick,
                links: 0,
            },
            waiting: BinaryHeap::with_capacity(paths.len()),
            current: None,
            last: Vec::new(),
        };
        for path in paths {
            match fs::metadata(path) {
                Ok(found) => walk.name(path, &found),
                Err(error) => walk.found(path, FoundKind::Problem(Problem::Io(error))),
            }
        }
        walk
    }

    fn name(&mut self, path: &Path, metadata: &Metadata) {
        if metadata.is_dir() {
            let (tree, first) = Tree::new(path, metadata.dev(), &mut self.bounds);
            self.wait(What::Tree(Box::new(tree), first));
        } else if metadata.is_file() {
            self.found(path, FoundKind::File { named: true });
        } else {
            let problem = Problem::special(metadata.file_type());
            self.found(path, FoundKind::Problem(problem));
        }
    }

    fn found(&mut self, path: &Path, kind: FoundKind) {
        let place = Where::Path(path.to_path_buf());
        self.wait(What::Found(Found { place, kind }));
    }

    fn wait(&mut self, what: What) {
        let (What::Found(found) | What::Tree(_, found)) = &what;
        let key = found.key().into_owned();
        self.waiting.push(Reverse(Waiting { key, what }));
    }

    /// Returns how many symbolic links were passed over so far.
    pub(super) fn links(&self) -> u64 {
        self.bounds.links
    }

    /// Returns the next thing in the order of names, each name once.
    pub(super) fn next(&mut self) -> Option<Found> {
        loop {
            let found = self.advance()?;
            if self.last.is_empty() && self.waiting.is_empty() {
                return Some(found);
            }
            let key = found.key();
            if *self.last == *key {
                continue;
            }
            self.last.clear();
            if !self.waiting.is_empty() {
                self.last.extend_from_slice(&key);
            }
            drop(key);
            return Some(found);
        }
    }

    fn advance(&mut self) -> Option<Found> {
        if let Some(mut tree) = self.current.take()
            && let Some(found) = tree.next(&mut self.bounds)
        {
            let is_first = self
                .waiting
                .peek()
                .is_none_or(|Reverse(other)| *found.key() < *other.key);
            if is_first {
                self.current = Some(tree);
                return Some(found);
            }
            self.wait(What::Tree(Box::new(tree), found));
        }
        match self.waiting.pop()?.0.what {
            What::Found(found) => Some(found),
            What::Tree(tree, found) => {
                self.current = Some(*tree);
                Some(found)
            }
        }
    }
}

impl Ord for Waiting {
    fn cmp(&self, other: &Self) -> Ordering {
        // a named path before the same one met in a tree: it is looked at more closely
        let rank = |waiting: &Self| u8::from(matches!(waiting.what, What::Tree(..)));
        (&self.key, rank(self)).cmp(&(&other.key, rank(other)))
    }
}

impl PartialOrd for Waiting {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Waiting {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Waiting {}
