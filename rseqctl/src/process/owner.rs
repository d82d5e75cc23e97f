//! Who may own the registration of a process's threads.

use schemars::JsonSchema;
use serde::Serialize;
use tls_model::owner::Owner;

/// Who owns the registration of a process's threads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
#[non_exhaustive]
pub enum ProcessOwner {
    /// The libc.
    Libc,
    /// An executable or library that exports `__rseq_abi`.
    Adopter,
    /// An object that registers an area of its own.
    Client,
    /// The shim.
    Shim,
    /// No thread is registered.
    None,
    /// Threads differ.
    Mixed,
}

impl ProcessOwner {
    /// Returns the word used in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Libc => "libc",
            Self::Adopter => "adopter",
            Self::Client => "client",
            Self::Shim => "shim",
            Self::None => "none",
            Self::Mixed => "mixed",
        }
    }
}

impl From<Owner> for ProcessOwner {
    fn from(owner: Owner) -> Self {
        match owner {
            Owner::Unavailable => Self::None,
            Owner::Libc => Self::Libc,
            Owner::Adopter => Self::Adopter,
            Owner::Client => Self::Client,
            Owner::Shim => Self::Shim,
        }
    }
}
