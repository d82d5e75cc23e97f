//! The libraries of this project, whose `__rseq_abi` is no program's own definition.

use crate::protocol::{ABI_LIBRARY, SHIM_LIBRARY};

/// A library of this project.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OwnLibrary {
    /// `librseq_abi.so`: the `__rseq_abi` of last resort.
    Abi,
    /// `librseq_shim.so`: the preload.
    Shim,
}

impl OwnLibrary {
    /// Returns the library with this `DT_SONAME`.
    #[must_use]
    pub fn from_soname(soname: &[u8]) -> Option<Self> {
        [(ABI_LIBRARY, Self::Abi), (SHIM_LIBRARY, Self::Shim)]
            .into_iter()
            .find(|(name, _)| name.as_bytes() == soname)
            .map(|(_, library)| library)
    }
}
