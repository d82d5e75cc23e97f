//! What `rseqctl run` would do with a program: said by the launcher, shown by
//! the audit.

use schemars::JsonSchema;
use serde::Serialize;
use tls_model::owner::Owner;

use super::Word;

/// What `rseqctl run` would do.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "Run")]
#[non_exhaustive]
pub struct RunRow {
    /// Who would own the registration.
    pub owner: Word<Owner>,
    /// Why.
    pub because: &'static str,
    /// What that comes to, in plain words.
    pub means: &'static str,
    /// It would switch the libc's own registration off.
    pub switches_libc_off: bool,
    /// It would load the shim.
    pub preloads: bool,
    /// What it would warn of.
    pub warnings: Vec<String>,
}
