//! What the audit of a file came to.

use std::path::{Path, PathBuf};

use super::problem::Problem;
use super::row::Row;

/// Bytes that show what a file is.
pub(super) const HEAD: usize = 512;

/// What a piece of the walk came to.
#[derive(Default)]
pub(super) struct Outcome {
    /// In the order of the walk; files with nothing to report are left out.
    pub(super) files: Vec<FileOutcome>,
    pub(super) counts: Counts,
}

/// What is said about one file and what is in it.
#[derive(Default)]
pub(super) struct FileOutcome {
    pub(super) rows: Vec<Row>,
    pub(super) problems: Vec<(PathBuf, Problem)>,
    pub(super) objects: u64,
}

/// What a piece of the walk counted.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    pub(super) files: u64,
    pub(super) objects: u64,
    pub(super) read: u64,
}

impl FileOutcome {
    pub(super) fn complain(&mut self, path: &Path, problem: Problem) {
        self.problems.push((path.to_path_buf(), problem));
    }

    /// Returns what has been said so far, for [`Self::take_back`].
    pub(super) fn mark(&self) -> (usize, usize, u64) {
        (self.rows.len(), self.problems.len(), self.objects)
    }

    /// Takes back what was said since.
    pub(super) fn take_back(&mut self, (rows, problems, objects): (usize, usize, u64)) {
        self.rows.truncate(rows);
        self.problems.truncate(problems);
        self.objects = objects;
    }

    /// Sorts the members. Of two with one name the last is what an
    /// unpacked container has.
    pub(super) fn sort(&mut self) {
        self.rows
            .sort_by(|one, other| one.order().cmp(other.order()));
        self.rows.dedup_by(|later, earlier| {
            let same = later.order() == earlier.order();
            if same {
                std::mem::swap(later, earlier);
            }
            same
        });
    }
}
