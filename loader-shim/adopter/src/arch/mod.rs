//! What differs per instruction set: the same names in each file. What is the same on
//! all of them stands here.
//!
//! | name | what it is |
//! |---|---|
//! | `SYS_RSEQ`, `SYS_GETCPU`, `SIGNATURE` | the architecture's numbers |
//! | `syscall` | enters the kernel; returns the result or a negative errno |
//! | `thread_pointer` | what TLS offsets count from |
//! | `symbol_offset` | where `__rseq_abi` is from there, if anybody defines it |
//! | `weak_address` | the address of a name, or null where nobody defines it |
//! | `add` | a critical section: adds to a number of one CPU |
//! | `push`, `pop` | critical sections: a list of one CPU |
//!
//! # Safety
//!
//! What this module owes: names are taken for what rseq_shim.h and glibc declare.

#![allow(unsafe_code, reason = "names that others define")]

use core::ffi::c_void;
use core::mem::transmute;
use core::ptr::NonNull;

#[cfg(target_arch = "x86_64")]
mod x86_64;
#[cfg(target_arch = "x86_64")]
pub use x86_64::*;

#[cfg(target_arch = "aarch64")]
mod aarch64;
#[cfg(target_arch = "aarch64")]
pub use aarch64::*;

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
compile_error!("rseq-abi is written for x86_64 and aarch64 so far");

/// What a critical section has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is done.
    Committed,
    /// The thread was interrupted, or is on another CPU by now: to be tried once more.
    Aborted,
}

/// Registers or unregisters the calling thread, counted; returns 0 or a negative errno.
pub type Counted = extern "C" fn() -> core::ffi::c_int;

#[cfg(feature = "define")]
// SAFETY: data only: `struct rseq` as it is before anybody registers it (cpu_id -1).
core::arch::global_asm!(
    ".pushsection .tdata.rseq, \"awT\", @progbits",
    ".balign 32",
    ".weak __rseq_abi",
    ".type __rseq_abi, @tls_object",
    ".size __rseq_abi, 32",
    "__rseq_abi:",
    ".long 0, -1",
    ".zero 24",
    ".popsection",
);

/// Returns where glibc says what it has registered, or null.
#[inline]
pub fn libc_variables() -> (*mut isize, *mut u32) {
    (
        weak_address!("__rseq_offset").cast(),
        weak_address!("__rseq_size").cast(),
    )
}

/// Returns the functions of an owner that counts.
pub fn owner_functions() -> Option<(Counted, Counted)> {
    let register = NonNull::new(weak_address!("rseq_shim_register_current_thread"))?;
    let unregister = NonNull::new(weak_address!("rseq_shim_unregister_current_thread"))?;
    // SAFETY: `int (*)(void)` of rseq_shim.h.
    let register = unsafe { transmute::<NonNull<c_void>, Counted>(register) };
    // SAFETY: likewise.
    let unregister = unsafe { transmute::<NonNull<c_void>, Counted>(unregister) };
    Some((register, unregister))
}

/// Returns what a section has come to that leaves 1 where it has committed.
#[inline]
fn outcome(done: u64) -> Outcome {
    if done == 1 {
        Outcome::Committed
    } else {
        Outcome::Aborted
    }
}

/// Returns what taking a node has come to: an empty list is left with null, and that is
/// an answer, too.
#[inline]
fn popped(done: u64, node: *mut c_void) -> Outcome {
    match outcome(done) {
        Outcome::Aborted if node.is_null() => Outcome::Committed,
        outcome => outcome,
    }
}
