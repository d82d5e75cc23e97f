//! What instructions do, in words that both machines share.

use tls_model::facts::Evidence;

/// What one instruction does, as far as critical sections are concerned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Effect {
    /// It enters the kernel.
    pub(crate) system_call: bool,
    /// It calls: an address, or one that only the running program knows.
    pub(crate) call: Option<Target>,
    /// It stores to memory.
    pub(crate) store: Option<Store>,
    /// It reads or writes in the area, or right before it.
    pub(crate) access: Option<Access>,
    /// It makes the area's address, or an address in it with an index.
    pub(crate) formed: bool,
    /// It makes the address with which `__tls_get_addr` is asked for the
    /// object's own storage.
    pub(crate) asks: bool,
    /// A pointer to the area goes where it is not followed.
    pub(crate) lost: bool,
    /// The area's offset is added to what may be the thread pointer: where it is, the
    /// same instruction makes the area's address when it is reached from there.
    pub(crate) adds_offset: bool,
}

impl Effect {
    /// Returns whether it reads or writes the area, or makes its address.
    pub(crate) fn is_use(&self) -> bool {
        self.formed || self.access.is_some_and(Access::is_inside)
    }
}

/// A read or write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Access {
    /// Offset in the area of the first byte.
    pub(crate) offset: i64,
    /// Bytes.
    pub(crate) size: u64,
    /// Whether the address had to be followed through registers.
    pub(crate) evidence: Evidence,
}

impl Access {
    /// Returns whether a byte of it is in the area.
    pub(crate) fn is_inside(self) -> bool {
        self.offset < 32 && self.offset.saturating_add_unsigned(self.size.max(1)) > 0
    }
}

/// Where a call goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    Address(u64),
    Unknown,
}

/// A store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Store {
    /// Offset in the area, where the address leads there, and whether it had to
    /// be followed through registers.
    pub(crate) area: Option<(i64, Evidence)>,
    /// Bytes.
    pub(crate) size: u64,
    /// The value, where it is a constant.
    pub(crate) value: Option<i32>,
    /// It changes what was there before (and does it again when restarted).
    pub(crate) in_place: bool,
    /// It goes to the stack.
    pub(crate) private: bool,
}

/// How far a walk over code came, in bytes from its start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct End {
    /// Bytes decoded.
    pub(crate) bytes: u64,
    /// Start of the last instruction.
    pub(crate) last: u64,
}
