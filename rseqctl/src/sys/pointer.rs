//! The thread pointer.
//!
//! # Safety
//!
//! It is read and never changed.
#![allow(unsafe_code, reason = "see Safety above")]

/// Returns the thread pointer of the calling thread. Like the shim, the command is
/// written for x86_64 so far.
#[cfg(target_arch = "x86_64")]
#[must_use]
pub fn thread_pointer() -> u64 {
    let pointer: u64;
    // SAFETY: the psABI keeps the thread pointer's own value at %fs:0.
    unsafe {
        std::arch::asm!(
            "mov {}, qword ptr fs:[0]",
            out(reg) pointer,
            options(pure, readonly, nostack, preserves_flags),
        );
    }
    pointer
}
