//! How processes are inspected.

use tls_model::rules::Level;

use super::row::Row;
use crate::report::Filter;

/// How to inspect processes.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Stop no thread: report what /proc alone tells.
    pub no_stop: bool,
    /// Report how long each thread was stopped.
    pub verbose: bool,
    /// Leave out processes without a finding of a level that needs an answer, a warning
    /// or an error.
    pub only_problems: bool,
    /// Which findings are reported, and which count. Where only those of some rules
    /// are, processes without one are left out.
    pub filter: Filter,
}

impl Options {
    /// Returns whether a process is reported.
    pub(super) fn has_interest_in(&self, row: &Row) -> bool {
        let mut new = row.findings.iter().filter(|finding| !finding.known);
        if self.only_problems {
            new.any(|finding| *finding.level >= Level::Warning)
        } else {
            !self.filter.is_narrowed() || new.next().is_some()
        }
    }
}
