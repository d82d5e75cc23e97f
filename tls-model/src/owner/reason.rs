//! Why an owner was chosen, and the words for it.

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

    /// Returns the reason with that number.
    #[must_use]
    pub fn from_number(number: u32) -> Option<Self> {
        Self::ALL.get(number as usize).copied()
    }

    /// Returns one clause about a program that has not been started.
    #[must_use]
    pub const fn foreseen(self) -> &'static str {
        match self {
            Self::LibcRegistered => "the libc will register its own area",
            Self::LibcRegisteredBeforeAdopter => {
                "the libc will register its own area first, so the exported __rseq_abi stays unused"
            }
            Self::AnotherAreaRegistered => "another area will be registered for the main thread",
            Self::TakenOver => "it will be taken over from the libc, on request",
            Self::LibcOwnsSymbol => "the libc owns __rseq_abi and will register it in every thread",
            Self::Refused => "the kernel refuses the registration",
            _ => self.text(),
        }
    }

    /// Returns one clause for reports and logs.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::ToldToStandAside => "the mode says not to register",
            Self::LibcRegistered => "the libc has registered its own area",
            Self::LibcRegisteredBeforeAdopter => {
                "the libc has registered its own area, so the exported __rseq_abi stays unused; start the program with rseqctl run"
            }
            Self::HiddenDefinition => {
                "the program defines __rseq_abi without exporting it, and is left to register it itself"
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
