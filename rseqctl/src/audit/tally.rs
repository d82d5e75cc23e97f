//! What an audit counts.

use schemars::JsonSchema;
use serde::Serialize;
use tls_model::rules::Level;

use super::Row;
use super::inspect::Counts;
use crate::exit::Status;
use crate::report::choices::FailOn;

/// What an audit counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Tally {
    /// Regular files looked at.
    pub files: u64,
    /// ELF objects among them, and in them.
    pub objects: u64,
    /// Objects that say something about rseq.
    pub mention_rseq: u64,
    /// Findings that are errors.
    pub errors: u64,
    /// Findings that are warnings.
    pub warnings: u64,
    /// Findings that are notes.
    pub notes: u64,
    /// Findings of the baseline, which are in none of the other counts.
    pub known: u64,
    /// Inputs that were read: files, and folders listed.
    pub read: u64,
    /// Inputs that could not be used, or not in full.
    pub problems: u64,
}

impl Tally {
    pub(super) fn add(&mut self, counts: &Counts) {
        self.files += counts.files;
        self.objects += counts.objects;
        self.read += counts.read;
    }

    pub(super) fn count_row(&mut self, row: &Row) {
        self.mention_rseq += u64::from(row.mentions_rseq());
        self.known += row.known();
        for level in row.new_levels() {
            *match level {
                Level::Error => &mut self.errors,
                Level::Warning => &mut self.warnings,
                Level::Note => &mut self.notes,
            } += 1;
        }
    }

    /// Takes back what [`Self::count_row`] counted.
    pub(super) fn forget_rows(&mut self) {
        for count in [
            &mut self.mention_rseq,
            &mut self.errors,
            &mut self.warnings,
            &mut self.notes,
            &mut self.known,
        ] {
            *count = 0;
        }
    }

    /// The exit status, by the contract of the command.
    #[must_use]
    pub fn status(&self, fail_on: FailOn) -> Status {
        if self.findings_from(fail_on) {
            Status::Findings
        } else if self.problems == 0 {
            Status::Clean
        } else if self.read == 0 {
            Status::Nothing
        } else {
            Status::Partial
        }
    }

    /// Whether there are findings at or above the threshold.
    #[must_use]
    pub fn findings_from(&self, fail_on: FailOn) -> bool {
        let counted = match fail_on {
            FailOn::Never => 0,
            FailOn::Error => self.errors,
            FailOn::Warning => self.errors + self.warnings,
            FailOn::Note => self.errors + self.warnings + self.notes,
        };
        counted != 0
    }
}
