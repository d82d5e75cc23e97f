//! Who owns the registration, and what new threads do about it: decided once, read
//! by everybody.

use core::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use tls_model::owner::{Owner, Reason};

use crate::report;

/// What every new thread does about its registration.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum Action {
    /// Nothing, not even counting.
    Nothing = 0,
    /// Count; somebody else registers.
    Watch = 1,
    /// Count, and see whether the libc has registered.
    WatchLibc = 2,
    /// Register `__rseq_abi`.
    Register = 3,
    /// Unregister the libc's area, then register `__rseq_abi`.
    TakeOver = 4,
    /// Say in `__rseq_abi` that there is no registration.
    MarkFailed = 5,
}

const ACTIONS: [Action; 6] = [
    Action::Nothing,
    Action::Watch,
    Action::WatchLibc,
    Action::Register,
    Action::TakeOver,
    Action::MarkFailed,
];

const UNDECIDED: u32 = 0;
const DECIDING: u32 = 1;
const DECIDED: u32 = 2;

static STATE: AtomicU32 = AtomicU32::new(UNDECIDED);
static ACTION: AtomicU32 = AtomicU32::new(Action::Nothing as u32);
static OWNER: AtomicU32 = AtomicU32::new(Owner::Unavailable as u32);

/// A client's own registration goes before ours.
static YIELDS: AtomicBool = AtomicBool::new(true);

/// Returns what new threads do.
pub fn action() -> Action {
    let number = ACTION.load(Ordering::Relaxed);
    ACTIONS
        .get(number as usize)
        .copied()
        .unwrap_or(Action::Nothing)
}

/// Returns whether this is what new threads do.
pub fn action_is(action: Action) -> bool {
    ACTION.load(Ordering::Relaxed) == action as u32
}

/// Returns who owns the registration, as a number of `tls_model::owner::Owner`.
pub fn current() -> u32 {
    OWNER.load(Ordering::Relaxed)
}

/// Returns whether new threads pass through the shim's start routine: to be registered, or to be
/// counted where somebody will read that.
pub fn watches_threads() -> bool {
    prepares_threads() || action() != Action::Nothing && report::counts()
}

/// Returns whether threads are the shim's to register, or to mark where they cannot be.
pub fn prepares_threads() -> bool {
    matches!(
        action(),
        Action::Register | Action::TakeOver | Action::MarkFailed
    )
}

/// Returns whether the shim registers threads.
pub fn registers_threads() -> bool {
    matches!(action(), Action::Register | Action::TakeOver)
}

/// Returns whether a client that asks for a registration of its own gets it in our place.
pub fn yields_to_clients() -> bool {
    YIELDS.load(Ordering::Relaxed)
}

/// Settles whether clients get theirs.
pub fn set_yields_to_clients(yields: bool) {
    YIELDS.store(yields, Ordering::Relaxed);
}

/// Settles who owns the registration, and what new threads do.
pub fn set(owner: Owner, action: Action, reason: Reason) {
    OWNER.store(owner as u32, Ordering::Relaxed);
    ACTION.store(action as u32, Ordering::Relaxed);
    report::owner(owner, reason);
}

/// Returns whether the caller is the one that has to decide: true only once.
pub fn begin_deciding() -> bool {
    STATE.load(Ordering::Relaxed) == UNDECIDED
        && STATE
            .compare_exchange(UNDECIDED, DECIDING, Ordering::Relaxed, Ordering::Relaxed)
            .is_ok()
}

/// Says that it is decided.
pub fn end_deciding() {
    STATE.store(DECIDED, Ordering::Release);
}

/// Returns whether it is known what new threads do.
pub fn is_decided() -> bool {
    STATE.load(Ordering::Acquire) == DECIDED
}
