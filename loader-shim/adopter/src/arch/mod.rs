//! What differs per instruction set: the same names in each file.
//!
//! | name | what it is |
//! |---|---|
//! | `SYS_RSEQ`, `SYS_GETCPU`, `SIGNATURE` | the architecture's numbers |
//! | `syscall` | enters the kernel; returns the result or a negative errno |
//! | `thread_pointer` | what TLS offsets count from |
//! | `symbol_offset` | where `__rseq_abi` is from there, if anybody defines it |
//! | `libc_variables` | the addresses of `__rseq_offset` and `__rseq_size`, or null |
//! | `owner_functions` | those that count registrations, if an owner has them |
//! | `add` | a critical section: adds to a number of one CPU |
//! | `push`, `pop` | critical sections: a list of one CPU |

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
