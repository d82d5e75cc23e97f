//! Who owns the registration.

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

    /// Returns the owner with that number.
    #[must_use]
    pub fn from_number(number: u32) -> Option<Self> {
        Self::ALL.get(number as usize).copied()
    }

    /// Returns the word used in reports.
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
