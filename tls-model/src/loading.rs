//! What breaks the loading rules (rules 2 and 3), and the words for it.
//!
//! The area that is registered is the one that wins in the global scope; where
//! the shim is, there is always one. A definer that comes later and uses that one
//! only has to be global and to stay. One that uses its own is a client: it
//! registers itself, or does without.

/// What is wrong with an object that defines the symbol and was loaded later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Breach {
    /// It is local, or can be unloaded.
    NotPromoted,
    /// `RTLD_DEEPBIND` lets it prefer its own definition.
    DeepBind,
    /// It prefers its own definition by itself.
    BindsToItself,
}

impl Breach {
    /// Every breach.
    pub const ALL: [Self; 3] = [Self::NotPromoted, Self::DeepBind, Self::BindsToItself];

    /// The rule's name, as messages give it.
    #[must_use]
    pub const fn rule(self) -> &'static str {
        match self {
            Self::NotPromoted => "definer-not-promoted",
            Self::DeepBind => "definer-with-deepbind",
            Self::BindsToItself => "definer-binds-to-itself",
        }
    }

    /// What is wrong, as a clause that follows the object's name.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::NotPromoted => {
                "defines __rseq_abi but is loaded with RTLD_LOCAL, or can be unloaded"
            }
            Self::DeepBind => "defines __rseq_abi, and with RTLD_DEEPBIND it uses its own",
            Self::BindsToItself => {
                "defines __rseq_abi and binds to its own definition (-Bsymbolic or protected)"
            }
        }
    }
}
