//! What a rule has to say about an object.

use crate::critical::Offence;
use crate::facts::ModelEvidence;

/// What a finding says.
#[derive(Clone, Copy, Debug)]
pub(super) struct Message {
    pub(super) text: &'static str,
    pub(super) detail: Detail,
}

impl From<&'static str> for Message {
    fn from(text: &'static str) -> Self {
        Self {
            text,
            detail: Detail::None,
        }
    }
}

/// The numbers of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detail {
    /// None.
    None,
    /// Places in critical sections or other code.
    Offence(Offence),
    /// How the TLS model of the object is known.
    Access(ModelEvidence),
    /// Static TLS, in bytes.
    StaticTls {
        /// What the object needs, padding for its alignment included.
        needs: u64,
        /// The value for the tunable `glibc.rtld.optional_static_tls` with
        /// which glibc grants it.
        tunable: u64,
    },
}
