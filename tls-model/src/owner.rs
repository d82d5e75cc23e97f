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

use crate::rseq::ORIGINAL_LENGTH;

/// What the user asked for (`RSEQ_SHIM_MODE`, `rseqctl run --mode`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Mode {
    /// Decide by the table.
    #[default]
    Auto,
    /// Register in every thread wherever the libc has not, even over a hidden
    /// definition, whose own registration is refused then.
    Own,
    /// Never register: the libc or a client does.
    Defer,
    /// Unregister the libc's area and register the shared one, as under
    /// [`Self::Own`].
    Takeover,
    /// Do nothing at all.
    Off,
}

impl Mode {
    /// Every mode, in the order in which help texts list them.
    pub const ALL: [Self; 5] = [
        Self::Auto,
        Self::Own,
        Self::Defer,
        Self::Takeover,
        Self::Off,
    ];

    /// Whether a client that asks for a registration of its own later is to get it:
    /// not where the user said who is to own it.
    #[must_use]
    pub const fn yields_to_clients(self) -> bool {
        !matches!(self, Self::Own | Self::Takeover)
    }

    /// The word that selects the mode.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Own => "own",
            Self::Defer => "defer",
            Self::Takeover => "takeover",
            Self::Off => "off",
        }
    }

    /// The mode that `word` selects, if any.
    #[must_use]
    pub fn from_name(word: &[u8]) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|mode| mode.name().as_bytes() == word)
    }
}

/// Who owns the registration of a process's threads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Owner {
    /// Nobody: the system call is missing or denied.
    Unavailable = 0,
    /// The libc registers its own area.
    Libc = 1,
    /// The shim registers the area that the executable or a library exports.
    Adopter = 2,
    /// Some code registers an area of its own; the shim stays out of its way.
    Client = 3,
    /// The shim registers the area of `librseq_abi.so`.
    Shim = 4,
}

impl Owner {
    /// Every owner, by number.
    pub const ALL: [Self; 5] = [
        Self::Unavailable,
        Self::Libc,
        Self::Adopter,
        Self::Client,
        Self::Shim,
    ];

    /// The owner with that number.
    #[must_use]
    pub fn from_number(number: u32) -> Option<Self> {
        Self::ALL.get(number as usize).copied()
    }

    /// The word used in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unavailable => "unavailable",
            Self::Libc => "libc",
            Self::Adopter => "adopter",
            Self::Client => "client",
            Self::Shim => "shim",
        }
    }
}

/// What is known about a process before its first thread is registered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Situation {
    /// What the user asked for.
    pub mode: Mode,
    /// The libc has registered the main thread (glibc 2.35 and later, unless
    /// switched off or denied).
    pub libc_registered: bool,
    /// What the libc has registered, or will, is the `__rseq_abi` that wins in the
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

/// Why an owner was chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Reason {
    /// The mode says that the shim must not register.
    ToldToStandAside,
    /// The libc registered the main thread before anybody else could.
    LibcRegistered,
    /// As [`Self::LibcRegistered`], and an adopter exports a definition that
    /// therefore stays unused.
    LibcRegisteredBeforeAdopter,
    /// A hidden definition will register itself.
    HiddenDefinition,
    /// The exported definition is smaller than a registration may be, or lies
    /// where the kernel takes none.
    DefinitionTooSmall,
    /// The kernel holds another area for the main thread already.
    AnotherAreaRegistered,
    /// An adopter exports `__rseq_abi`.
    ExportedDefinition,
    /// Nobody else defines or registers anything.
    NobodyElse,
    /// The user asked to take over from the libc.
    TakenOver,
    /// The kernel has no `sys_rseq`, or a filter answers for it (ENOSYS).
    NoSystemCall,
    /// The system call is denied (EPERM).
    Denied,
    /// The kernel refused for another reason.
    Refused,
    /// The libc registered the `__rseq_abi` that everybody shares.
    LibcOwnsSymbol,
    /// The user asked to own it, and a hidden definition will be refused.
    OverHiddenDefinition,
}

impl Reason {
    /// Every reason, by number.
    pub const ALL: [Self; 14] = [
        Self::ToldToStandAside,
        Self::LibcRegistered,
        Self::LibcRegisteredBeforeAdopter,
        Self::HiddenDefinition,
        Self::DefinitionTooSmall,
        Self::AnotherAreaRegistered,
        Self::ExportedDefinition,
        Self::NobodyElse,
        Self::TakenOver,
        Self::NoSystemCall,
        Self::Denied,
        Self::Refused,
        Self::LibcOwnsSymbol,
        Self::OverHiddenDefinition,
    ];

    /// The reason with that number.
    #[must_use]
    pub fn from_number(number: u32) -> Option<Self> {
        Self::ALL.get(number as usize).copied()
    }

    /// One clause for reports and logs.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::ToldToStandAside => "the mode says not to register",
            Self::LibcRegistered => "the libc has registered its own area",
            Self::LibcRegisteredBeforeAdopter => {
                "the libc has registered its own area, so the exported __rseq_abi stays unused; start the program with rseqctl run"
            }
            Self::HiddenDefinition => {
                "the program defines __rseq_abi without exporting it and will register it itself"
            }
            Self::DefinitionTooSmall => {
                "the exported __rseq_abi is smaller than 32 bytes or not aligned to 32"
            }
            Self::AnotherAreaRegistered => "another area is registered for the main thread already",
            Self::ExportedDefinition => "the program exports __rseq_abi",
            Self::NobodyElse => "nobody else defines or registers __rseq_abi",
            Self::TakenOver => "taken over from the libc on request",
            Self::NoSystemCall => "the kernel answers ENOSYS to sys_rseq",
            Self::Denied => "the kernel answers EPERM to sys_rseq",
            Self::Refused => "the kernel refused the registration",
            Self::OverHiddenDefinition => {
                "the mode says to register, although the program defines an __rseq_abi that it does not export"
            }
            Self::LibcOwnsSymbol => "the libc owns __rseq_abi and registers it in every thread",
        }
    }
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

/// Decides from what is known before the kernel is asked.
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

/// Length in bytes to register an area with.
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

/// Owner and reason after the kernel's answer to a [`Plan::Register`].
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
