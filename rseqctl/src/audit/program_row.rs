//! What is said about a whole program.

use schemars::JsonSchema;
use serde::Serialize;

use crate::report::RunRow;

/// What is said about a program besides what is said about its files.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "Program")]
pub(super) struct ProgramRow {
    /// The objects that it starts with, in the order of the global scope.
    pub(super) objects: Vec<String>,
    /// Needed libraries that were not found.
    pub(super) missing: Vec<MissingRow>,
    /// The object whose `__rseq_abi` is that of the whole program; null where
    /// none exports one.
    pub(super) winner: Option<String>,
    /// The objects with an `__rseq_abi` of their own that others cannot see.
    pub(super) hidden: Vec<String>,
    /// What `rseqctl run` would do; null for a program in another root.
    pub(super) run: Option<RunRow>,
}

/// A needed library that was not found.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "Missing")]
pub(super) struct MissingRow {
    /// As it stands in `DT_NEEDED`.
    pub(super) name: String,
    /// The object that needs it.
    pub(super) needed_by: String,
}
