//! What valgrind's checkers of races have to be told about glibc.
//!
//! glibc gives a new thread the stack of one that has ended. Its lock is none that helgrind
//! knows: where both threads use their TLS, it reports a race, without the shim as well, now
//! and then, as they are scheduled.

/// The checkers.
pub const CHECKERS: [&str; 2] = ["helgrind", "drd"];

/// An option of valgrind's: before glibc 2.34 no stack is used again.
pub const FRESH_STACKS: &str = "--sim-hints=no-nptl-pthread-stackcache";

/// A part of `GLIBC_TUNABLES`: since glibc 2.34 no stack is used again.
const NO_STACK_CACHE: &str = "glibc.pthread.stack_cache_size=0";

/// Returns the value of `GLIBC_TUNABLES` under a checker, with this part as well.
#[must_use]
pub fn tunables(more: &str) -> String {
    format!("{more}:{NO_STACK_CACHE}")
}
