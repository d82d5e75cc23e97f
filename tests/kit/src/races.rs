//! What valgrind's checkers of races have to be told about glibc.
//!
//! glibc gives a new thread the stack of one that has ended. Its lock is none that helgrind
//! knows: where both threads use their TLS, it reports a race, without the shim as well, now
//! and then, as they are scheduled.

use crate::world::GLIBC_OFF;

/// The checkers.
pub const CHECKERS: [&str; 2] = ["helgrind", "drd"];

/// An option of valgrind's: before glibc 2.34 no stack is used again.
pub const FRESH_STACKS: &str = "--sim-hints=no-nptl-pthread-stackcache";

/// Returns the value of `GLIBC_TUNABLES` under a checker: glibc does not register rseq, and
/// since glibc 2.34 no stack is used again.
#[must_use]
pub fn tunables() -> String {
    format!("{GLIBC_OFF}:glibc.pthread.stack_cache_size=0")
}
