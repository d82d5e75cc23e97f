//! What an audit counts.

use schemars::JsonSchema;
use serde::Serialize;

use super::outcome::Counts;
use super::row::Row;
use crate::report::{self, Counted};

/// What an audit counted.
pub type Tally = report::Tally<FileCounts>;

/// What an audit counted besides findings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct FileCounts {
    /// Regular files looked at.
    pub files: u64,
    /// ELF objects among them, and in them.
    pub objects: u64,
    /// Objects that say something about rseq.
    pub mention_rseq: u64,
    /// Inputs that were read: files, and folders listed.
    pub read: u64,
    /// Symbolic links met in trees, which are passed over: what they lead to is
    /// audited where it is.
    pub links: u64,
}

impl Counted for FileCounts {
    fn has_any(&self) -> bool {
        self.read != 0
    }
}

impl Tally {
    pub(super) fn add(&mut self, counts: &Counts) {
        self.files += counts.files;
        self.objects += counts.objects;
        self.read += counts.read;
    }

    pub(super) fn count_row(&mut self, row: &Row) {
        self.mention_rseq += u64::from(row.mentions_rseq());
        for finding in row.findings() {
            self.count(finding);
        }
    }

    /// Takes back what [`Self::count_row`] counted.
    pub(super) fn forget_rows(&mut self) {
        self.mention_rseq = 0;
        self.forget_findings();
    }
}
