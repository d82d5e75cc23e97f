//! What an audit counts.

use tls_model::rules::Level;

use super::Row;
use crate::cli::FailOn;

/// What an audit counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Regular files looked at.
    pub files: u64,
    /// ELF objects among them.
    pub objects: u64,
    /// Objects that say something about rseq.
    pub mention_rseq: u64,
    /// Findings that are errors.
    pub errors: u64,
    /// Findings that are warnings.
    pub warnings: u64,
    /// Findings that are notes.
    pub notes: u64,
    /// Inputs that were read: files, and folders listed.
    pub read: u64,
    /// Inputs that could not be used, or not in full.
    pub problems: u64,
}

impl Tally {
    pub(super) fn count_rows(&mut self, rows: &[Row]) {
        for row in rows {
            self.mention_rseq += u64::from(row.mentions_rseq());
            for level in row.levels() {
                *match level {
                    Level::Error => &mut self.errors,
                    Level::Warning => &mut self.warnings,
                    Level::Note => &mut self.notes,
                } += 1;
            }
        }
    }

    /// Whether there are findings at or above the threshold.
    pub(super) fn findings_from(&self, fail_on: FailOn) -> bool {
        let counted = match fail_on {
            FailOn::Never => 0,
            FailOn::Error => self.errors,
            FailOn::Warning => self.errors + self.warnings,
            FailOn::Note => self.errors + self.warnings + self.notes,
        };
        counted != 0
    }
}
