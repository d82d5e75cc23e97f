//! What becomes of an object that defines `__rseq_abi` for others and is loaded
//! by a program that runs: rules 2 and 3, as one pure function.
//!
//! The area that is registered is the one that wins in the global scope; where
//! the shim is, there is always one. A definer that comes later and binds to
//! that one only has to be global and to stay. One that would use its own is
//! refused: nobody would ever register it.

use crate::facts::Definition;

/// How an object is about to be loaded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Load {
    /// Into a namespace other than the program's (dlmopen).
    pub other_namespace: bool,
    /// With `RTLD_DEEPBIND`.
    pub deep_bind: bool,
    /// With `RTLD_GLOBAL`.
    pub global: bool,
    /// With `RTLD_NODELETE`.
    pub nodelete: bool,
}

/// Why an object that defines the symbol cannot be loaded like this.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Breach {
    /// A namespace of its own would have a `__rseq_abi` of its own.
    OtherNamespace,
    /// `RTLD_DEEPBIND` would let it prefer its own definition.
    DeepBind,
    /// It prefers its own definition by itself.
    BindsToItself,
}

impl Breach {
    /// Every breach.
    pub const ALL: [Self; 3] = [Self::OtherNamespace, Self::DeepBind, Self::BindsToItself];

    /// The rule's name, as messages give it.
    #[must_use]
    pub const fn rule(self) -> &'static str {
        match self {
            Self::OtherNamespace => "definer-in-another-namespace",
            Self::DeepBind => "definer-with-deepbind",
            Self::BindsToItself => "definer-binds-to-itself",
        }
    }

    /// What is wrong, as a clause that follows the object's name.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::OtherNamespace => {
                "defines __rseq_abi, and in another namespace it would use an area that nobody registers"
            }
            Self::DeepBind => {
                "defines __rseq_abi, and with RTLD_DEEPBIND it would use an area that nobody registers"
            }
            Self::BindsToItself => {
                "defines __rseq_abi and binds to its own definition (-Bsymbolic or protected), which nobody registers"
            }
        }
    }
}

/// What to do with a definer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Load it as asked: it is global and stays.
    Keep,
    /// Load it with `RTLD_GLOBAL` and `RTLD_NODELETE`.
    Promote,
    /// Do not load it.
    Refuse(Breach),
}

/// Judges one definer, whether it is what is opened or what that needs.
#[must_use]
pub const fn judge(definition: &Definition, load: &Load) -> Verdict {
    if load.other_namespace {
        Verdict::Refuse(Breach::OtherNamespace)
    } else if definition.binds_to_itself {
        Verdict::Refuse(Breach::BindsToItself)
    } else if load.deep_bind {
        Verdict::Refuse(Breach::DeepBind)
    } else if load.global && (load.nodelete || definition.nodelete) {
        Verdict::Keep
    } else {
        Verdict::Promote
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Definition = Definition {
        binds_to_itself: false,
        nodelete: false,
    };

    #[test]
    fn every_way_to_load() {
        let local = Load::default();
        let global = Load {
            global: true,
            ..local
        };
        let symbolic = Definition {
            binds_to_itself: true,
            ..PLAIN
        };
        let stays = Definition {
            nodelete: true,
            ..PLAIN
        };
        let deep = Load {
            deep_bind: true,
            ..global
        };
        let elsewhere = Load {
            other_namespace: true,
            ..local
        };
        let kept = Load {
            nodelete: true,
            ..global
        };
        for (definition, load, expected) in [
            (PLAIN, local, Verdict::Promote),
            (PLAIN, global, Verdict::Promote),
            (PLAIN, kept, Verdict::Keep),
            (stays, local, Verdict::Promote),
            (stays, global, Verdict::Keep),
            (symbolic, kept, Verdict::Refuse(Breach::BindsToItself)),
            (stays, deep, Verdict::Refuse(Breach::DeepBind)),
            (stays, elsewhere, Verdict::Refuse(Breach::OtherNamespace)),
            (symbolic, elsewhere, Verdict::Refuse(Breach::OtherNamespace)),
        ] {
            assert_eq!(
                judge(&definition, &load),
                expected,
                "{definition:?} {load:?}"
            );
        }
    }
}
