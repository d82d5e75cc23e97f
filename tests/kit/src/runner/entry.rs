//! One test of a target.

use libtest_mimic::Failed;

use crate::needs::Need;

/// What a test returns: whatever went wrong, in words.
pub type Outcome = Result<(), Failed>;

/// One test of a target.
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) needs: Vec<Need>,
    pub(super) body: Box<dyn FnOnce() -> Outcome + Send>,
}

/// Returns what the machine lacks, if it lacks something.
pub(super) fn missing(needs: &[Need]) -> Option<String> {
    needs.iter().find_map(|need| need.check().err())
}
