//! What is done about the rules, and why to whom.

use core::sync::atomic::{AtomicU32, Ordering};

use tls_model::loading::Breach;

/// What is done about the rules. Assembly compares the numbers.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum Policy {
    /// Nothing.
    Off = 0,
    /// What must stay mapped is made to stay.
    Keep = 1,
    /// Say what `Enforce` would change.
    Warn = 2,
    /// Definers are global as well.
    Enforce = 3,
}

/// Where assembly sees the policy: from [`Policy::Warn`] on it asks
/// `loading::before_dlopen`.
pub static POLICY: AtomicU32 = AtomicU32::new(Policy::Off as u32);

/// Returns what is done in this process.
pub fn policy() -> Policy {
    match POLICY.load(Ordering::Relaxed) {
        1 => Policy::Keep,
        2 => Policy::Warn,
        3 => Policy::Enforce,
        _ => Policy::Off,
    }
}

/// Returns whether anything is done.
#[inline]
pub fn is_on() -> bool {
    POLICY.load(Ordering::Relaxed) != Policy::Off as u32
}

/// Why an object must stay.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// It defines `__rseq_abi` for others, and uses the one that wins.
    Defines,
    /// The same, but it uses its own, for this reason.
    UsesItsOwn(Breach),
    /// It holds an area that is registered.
    HoldsArea,
}
