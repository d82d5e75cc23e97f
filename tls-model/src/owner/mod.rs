//! Who owns the registration: one decision per process, in one place.
//!
//! The shim asks it at start-up with what it sees in memory; `rseqctl run` asks
//! it before exec with what the audit found and what it is about to set. The
//! order is the order of the questions in [`plan`]:
//!
//! ```text
//! told to stand aside?  --- yes --> whoever is there (libc, or a client)
//! libc has registered?  --- yes --> libc, unless told to take over an area of
//!                                   its own from it
//! a hidden definition?  --- yes --> client, unless told to own
//! then ask the kernel   --- refused --> unavailable, or a client was first
//!                       --- granted --> adopter (visible definition) or shim
//! ```

mod mode;
mod reason;
mod who;

use crate::rseq::ORIGINAL_LENGTH;

pub use mode::Mode;
pub use reason::Reason;
pub use who::Owner;

/// What is known about a process before its first thread is registered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Situation {
    /// What the user asked for.
    pub mode: Mode,
    /// The libc has registered the main thread (glibc 2.35 and later, unless
    /// switched off or denied).
    pub libc_registered: bool,
    /// What the libc has registered, or is going to register, is the `__rseq_abi` that wins in the
    /// global scope: it owns the symbol (a glibc with this project's patches).
    pub libc_owns_symbol: bool,
    /// Size in bytes (`st_size`) of the `__rseq_abi` that wins in the global
    /// scope, when an adopter rather than `librseq_abi.so` defines it.
    pub adopter_size: Option<u64>,
    /// The executable or a start-up library defines `__rseq_abi` where the
    /// dynamic linker cannot see it.
    pub hidden_definition: bool,
    /// `AT_RSEQ_FEATURE_SIZE`, where the kernel has one (Linux 6.3).
    pub feature_size: Option<u32>,
}

/// What to do about it, before the kernel has been asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plan {
    /// Register nothing.
    StandAside {
        /// Who registers instead.
        owner: Owner,
        /// Why.
        reason: Reason,
    },
    /// Register the winning `__rseq_abi` in the main thread now and in every
    /// thread at its birth.
    Register {
        /// Who owns the area if the kernel agrees.
        owner: Owner,
        /// Length of the registration in bytes.
        length: u32,
        /// The libc's registration has to go first.
        replace_libc: bool,
        /// Why.
        reason: Reason,
    },
}

/// Decides what to do, from what is known before the kernel is asked.
#[must_use]
pub fn plan(situation: &Situation) -> Plan {
    let Situation {
        mode,
        libc_registered,
        libc_owns_symbol,
        adopter_size,
        hidden_definition,
        ..
    } = *situation;

    if matches!(mode, Mode::Off | Mode::Defer) {
        let owner = if libc_registered {
            Owner::Libc
        } else {
            Owner::Client
        };
        return Plan::StandAside {
            owner,
            reason: Reason::ToldToStandAside,
        };
    }
    if libc_registered && libc_owns_symbol {
        // nothing is left to take over
        return Plan::StandAside {
            owner: Owner::Libc,
            reason: Reason::LibcOwnsSymbol,
        };
    }
    if libc_registered && mode != Mode::Takeover {
        let reason = if adopter_size.is_some() {
            Reason::LibcRegisteredBeforeAdopter
        } else {
            Reason::LibcRegistered
        };
        return Plan::StandAside {
            owner: Owner::Libc,
            reason,
        };
    }
    if hidden_definition && mode.yields_to_clients() {
        return Plan::StandAside {
            owner: Owner::Client,
            reason: Reason::HiddenDefinition,
        };
    }
    if adopter_size.is_some_and(|size| size < u64::from(ORIGINAL_LENGTH)) {
        let owner = if libc_registered {
            Owner::Libc
        } else {
            Owner::Client
        };
        return Plan::StandAside {
            owner,
            reason: Reason::DefinitionTooSmall,
        };
    }
    let (owner, reason) = match adopter_size {
        _ if libc_registered => (
            if adopter_size.is_some() {
                Owner::Adopter
            } else {
                Owner::Shim
            },
            Reason::TakenOver,
        ),
        Some(_) => (Owner::Adopter, Reason::ExportedDefinition),
        None if hidden_definition => (Owner::Shim, Reason::OverHiddenDefinition),
        None => (Owner::Shim, Reason::NobodyElse),
    };
    Plan::Register {
        owner,
        length: registration_length(adopter_size, situation.feature_size),
        replace_libc: libc_registered,
        reason,
    }
}

/// Returns the length in bytes to register an area with.
///
/// An adopter's area is registered with its `st_size` where the kernel takes
/// lengths above 32 (those that announce a feature size), and with 32 when that
/// is its size. Our own area is registered with 32 as well: a client that comes
/// with a later dlopen may register it itself, or write to `cpu_id_start`, which
/// the kernel kills for above 32 (Linux 7.0.10).
#[must_use]
pub fn registration_length(adopter_size: Option<u64>, feature_size: Option<u32>) -> u32 {
    match (adopter_size, feature_size) {
        (Some(size), Some(_)) => u32::try_from(size)
            .unwrap_or(ORIGINAL_LENGTH)
            .max(ORIGINAL_LENGTH),
        _ => ORIGINAL_LENGTH,
    }
}

/// Returns what glibc's `__rseq_size` says of a registration: glibc 2.40 counts the bytes that
/// the kernel fills. Below Linux 6.3 those are the first 20; of the 32 bytes of
/// the original length, 28 (what follows belongs to longer registrations).
#[must_use]
pub fn active_size(length: u32, feature_size: Option<u32>) -> u32 {
    match feature_size {
        None => 20,
        Some(size) if size <= length => size.max(20),
        Some(_) => 28,
    }
}

/// How the kernel answered the main thread's registration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// 0, or EBUSY: this very area is registered already.
    Granted,
    /// ENOSYS.
    NoSystemCall,
    /// EPERM.
    Denied,
    /// EINVAL: another area, or a length this kernel does not take.
    Invalid,
    /// Anything else.
    Refused,
}

/// Returns owner and reason after the kernel's answer to a [`Plan::Register`].
#[must_use]
pub const fn settle(owner: Owner, reason: Reason, answer: Answer) -> (Owner, Reason) {
    match answer {
        Answer::Granted => (owner, reason),
        Answer::NoSystemCall => (Owner::Unavailable, Reason::NoSystemCall),
        Answer::Denied => (Owner::Unavailable, Reason::Denied),
        Answer::Invalid => (Owner::Client, Reason::AnotherAreaRegistered),
        Answer::Refused => (Owner::Unavailable, Reason::Refused),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_tells_owners_apart_by_their_words() {
        let words = Owner::ALL.map(Owner::name);
        let expected = ["unavailable", "libc", "adopter", "client", "shim"];
        assert_eq!(words, expected);
    }

    fn stand_aside(owner: Owner, reason: Reason) -> Plan {
        Plan::StandAside { owner, reason }
    }

    fn register(owner: Owner, length: u32, reason: Reason) -> Plan {
        Plan::Register {
            owner,
            length,
            replace_libc: reason == Reason::TakenOver,
            reason,
        }
    }

    #[test]
    fn every_row_of_the_table() {
        let nobody = Situation::default();
        let adopter = Situation {
            adopter_size: Some(32),
            ..nobody
        };
        let hidden = Situation {
            hidden_definition: true,
            ..nobody
        };
        let libc = Situation {
            libc_registered: true,
            ..nobody
        };
        let rows = [
            (nobody, register(Owner::Shim, 32, Reason::NobodyElse)),
            (
                adopter,
                register(Owner::Adopter, 32, Reason::ExportedDefinition),
            ),
            (hidden, stand_aside(Owner::Client, Reason::HiddenDefinition)),
            (libc, stand_aside(Owner::Libc, Reason::LibcRegistered)),
            (
                Situation {
                    adopter_size: Some(32),
                    ..libc
                },
                stand_aside(Owner::Libc, Reason::LibcRegisteredBeforeAdopter),
            ),
            (
                Situation {
                    mode: Mode::Takeover,
                    ..libc
                },
                register(Owner::Shim, 32, Reason::TakenOver),
            ),
            (
                Situation {
                    mode: Mode::Takeover,
                    adopter_size: Some(32),
                    ..libc
                },
                register(Owner::Adopter, 32, Reason::TakenOver),
            ),
            (
                Situation {
                    mode: Mode::Own,
                    ..hidden
                },
                register(Owner::Shim, 32, Reason::OverHiddenDefinition),
            ),
            (
                Situation {
                    mode: Mode::Own,
                    ..libc
                },
                stand_aside(Owner::Libc, Reason::LibcRegistered),
            ),
            (
                Situation {
                    mode: Mode::Defer,
                    ..adopter
                },
                stand_aside(Owner::Client, Reason::ToldToStandAside),
            ),
            (
                Situation {
                    mode: Mode::Off,
                    ..libc
                },
                stand_aside(Owner::Libc, Reason::ToldToStandAside),
            ),
            (
                Situation {
                    adopter_size: Some(31),
                    ..nobody
                },
                stand_aside(Owner::Client, Reason::DefinitionTooSmall),
            ),
        ];
        for (situation, expected) in rows {
            assert_eq!(plan(&situation), expected, "{situation:?}");
        }
    }

    #[test]
    fn a_libc_that_owns_the_symbol_is_left_alone() {
        let owning_libc = Situation {
            libc_registered: true,
            libc_owns_symbol: true,
            ..Situation::default()
        };
        let rows = [
            (
                owning_libc,
                stand_aside(Owner::Libc, Reason::LibcOwnsSymbol),
            ),
            (
                Situation {
                    adopter_size: Some(32),
                    ..owning_libc
                },
                stand_aside(Owner::Libc, Reason::LibcOwnsSymbol),
            ),
            (
                Situation {
                    mode: Mode::Takeover,
                    ..owning_libc
                },
                stand_aside(Owner::Libc, Reason::LibcOwnsSymbol),
            ),
            (
                Situation {
                    libc_registered: false,
                    ..owning_libc
                },
                register(Owner::Shim, 32, Reason::NobodyElse),
            ),
        ];
        for (situation, expected) in rows {
            assert_eq!(plan(&situation), expected, "{situation:?}");
        }
    }

    #[test]
    fn an_area_above_32_bytes_needs_a_kernel_that_announces_its_size() {
        assert_eq!(registration_length(Some(64), None), 32);
        assert_eq!(registration_length(Some(64), Some(28)), 64);
        assert_eq!(registration_length(Some(32), Some(33)), 32, "legacy mode");
        assert_eq!(
            registration_length(None, Some(33)),
            32,
            "clients may come later"
        );
        assert_eq!(registration_length(Some(u64::MAX), Some(33)), 32);
    }

    #[test]
    fn the_bytes_that_the_kernel_fills() {
        assert_eq!(active_size(32, None), 20, "before Linux 6.3");
        assert_eq!(active_size(32, Some(28)), 28);
        assert_eq!(active_size(32, Some(32)), 32, "all of it");
        assert_eq!(active_size(32, Some(33)), 28, "the rest is behind it");
        assert_eq!(active_size(64, Some(33)), 33);
        assert_eq!(active_size(32, Some(0)), 20, "never less");
    }

    #[test]
    fn a_refusal_is_never_an_owner_that_registers() {
        for answer in [
            Answer::NoSystemCall,
            Answer::Denied,
            Answer::Invalid,
            Answer::Refused,
        ] {
            let (owner, _) = settle(Owner::Shim, Reason::NobodyElse, answer);
            assert!(
                matches!(owner, Owner::Unavailable | Owner::Client),
                "{answer:?}"
            );
        }
    }

    #[test]
    fn numbers_are_places_in_the_lists() {
        for owner in Owner::ALL {
            assert_eq!(Owner::from_number(owner as u32), Some(owner));
        }
        for reason in Reason::ALL {
            assert_eq!(Reason::from_number(reason as u32), Some(reason));
        }
    }

    #[test]
    fn words_of_modes_are_their_own_inverse() {
        for mode in Mode::ALL {
            assert_eq!(Mode::from_name(mode.name().as_bytes()), Some(mode));
        }
        assert_eq!(Mode::from_name(b"Auto"), None);
    }
}
