//! The thread pointer.
//!
//! # Safety
//!
//! It is read and never changed.
#![allow(unsafe_code, reason = "see Safety above")]

/// Returns the thread pointer of the calling thread.
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

/// Returns the thread pointer of the calling thread.
#[cfg(target_arch = "aarch64")]
#[must_use]
pub fn thread_pointer() -> u64 {
    let pointer: u64;
    // SAFETY: a register that user space may read.
    unsafe {
        std::arch::asm!(
            "mrs {}, tpidr_el0",
            out(reg) pointer,
            options(pure, nomem, nostack, preserves_flags),
        );
    }
    pointer
}
