//! What was counted, in every report, and the exit status that it comes to.

use std::ops::{Deref, DerefMut};

use schemars::JsonSchema;
use serde::Serialize;
use tls_model::rules::Level;

use super::FindingRow;
use super::choices::FailOn;
use crate::exit::Status;

/// What was counted: things of the kind that a report is about, and findings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "Tally")]
#[non_exhaustive]
pub struct Tally<C> {
    /// What the report is about.
    #[serde(flatten)]
    pub counts: C,
    /// Findings that are errors.
    pub errors: u64,
    /// Findings that are warnings.
    pub warnings: u64,
    /// Findings that are notes.
    pub notes: u64,
    /// Findings of the baseline, which are in none of the other counts.
    pub known: u64,
    /// Inputs that could not be used, or not in full.
    pub problems: u64,
}

/// Counts of a report.
pub trait Counted {
    /// Returns whether anything was read at all.
    fn has_any(&self) -> bool;

    /// Returns whether something that was read could not be told in full.
    fn has_holes(&self) -> bool {
        false
    }
}

impl<C> Deref for Tally<C> {
    type Target = C;

    fn deref(&self) -> &C {
        &self.counts
    }
}

impl<C> DerefMut for Tally<C> {
    fn deref_mut(&mut self) -> &mut C {
        &mut self.counts
    }
}

impl<C: Counted> Tally<C> {
    /// Counts a finding.
    pub(crate) fn count(&mut self, finding: &FindingRow) {
        *if finding.known {
            &mut self.known
        } else {
            match *finding.level {
                Level::Error => &mut self.errors,
                Level::Warning => &mut self.warnings,
                Level::Note => &mut self.notes,
            }
        } += 1;
    }

    /// Takes back the findings.
    pub(crate) fn forget_findings(&mut self) {
        for count in [
            &mut self.errors,
            &mut self.warnings,
            &mut self.notes,
            &mut self.known,
        ] {
            *count = 0;
        }
    }

    /// Returns the exit status, by the contract of the command: findings win over
    /// what could not be read, which could only add some.
    #[must_use]
    pub fn status(&self, fail_on: FailOn) -> Status {
        if self.has_findings(fail_on) {
            Status::Findings
        } else if self.problems == 0 && !self.counts.has_holes() {
            Status::Clean
        } else if self.counts.has_any() {
            Status::Partial
        } else {
            Status::Nothing
        }
    }

    /// Returns whether there are findings at or above the threshold.
    #[must_use]
    pub fn has_findings(&self, fail_on: FailOn) -> bool {
        let counted = match fail_on {
            FailOn::Never => 0,
            FailOn::Error => self.errors,
            FailOn::Warning => self.errors + self.warnings,
            FailOn::Note => self.errors + self.warnings + self.notes,
        };
        counted != 0
    }
}
