//! What breaks the loading rules (rules 2 and 3), and the words for it.
//!
//! The area that is registered is the one that wins in the global scope; where
//! the shim is, there is always one. A definer that comes later and uses that one
//! only has to be global and to stay. One that uses its own is a client: it
//! registers itself, or does without.

use crate::rules::RuleId;

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

    /// Returns the rule that it breaks.
    #[must_use]
    pub const fn rule(self) -> RuleId {
        match self {
            Self::NotPromoted => RuleId::DefinerNotPromoted,
            Self::DeepBind => RuleId::DefinerWithDeepbind,
            Self::BindsToItself => RuleId::DefinerBindsToItself,
        }
    }

    /// Returns the rule's name, as messages give it. Three constants are all that the
    /// shim gets of the registry.
    #[must_use]
    pub const fn rule_name(self) -> &'static str {
        match self {
            Self::NotPromoted => const { Self::NotPromoted.rule().name() },
            Self::DeepBind => const { Self::DeepBind.rule().name() },
            Self::BindsToItself => const { Self::BindsToItself.rule().name() },
        }
    }

    /// Returns what is wrong, as a clause that follows the object's name.
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
