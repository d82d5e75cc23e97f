//! The system calls that are made, without libc: errno is left alone.
//!
//! # Safety
//!
//! What this module owes: pointers that are handed over are valid for what the call
//! writes.

#![allow(unsafe_code, reason = "system calls")]

use core::sync::atomic::{AtomicU32, Ordering};

use crate::arch::{self, SYS_GETCPU, SYS_RSEQ};

/// The length in bytes that every kernel takes.
pub const LENGTH: usize = 32;
const UNREGISTER: usize = 1;

// SAFETY: getauxval(3) takes any key, reads what the kernel handed over at the start, and
// has this type; glibc and musl have the other for errno.
unsafe extern "C" {
    safe fn getauxval(key: core::ffi::c_ulong) -> core::ffi::c_ulong;
    safe fn __errno_location() -> *mut core::ffi::c_int;
}

/// Returns `AT_RSEQ_FEATURE_SIZE`: bytes of an area that the kernel fills (Linux 6.3); 20 where
/// it does not say.
pub fn feature_size() -> u32 {
    static KNOWN: AtomicU32 = AtomicU32::new(0);
    let known = KNOWN.load(Ordering::Relaxed);
    if known != 0 {
        return known;
    }
    let errno = __errno_location();
    // SAFETY: the calling thread's errno.
    let kept = unsafe { errno.read() };
    let size = u32::try_from(getauxval(27)).unwrap_or(0).max(20);
    // ENOENT where the vector has no such entry
    // SAFETY: as above.
    unsafe { errno.write(kept) };
    KNOWN.store(size, Ordering::Relaxed);
    size
}

/// Returns CPU and node of the calling thread.
pub fn getcpu() -> Option<(u32, u32)> {
    let (mut cpu, mut node) = (0u32, 0u32);
    let arguments = [
        (&raw mut cpu).expose_provenance(),
        (&raw mut node).expose_provenance(),
        0,
        0,
    ];
    // SAFETY: two numbers of four bytes.
    let result = unsafe { arch::syscall(SYS_GETCPU, arguments) };
    (result >= 0).then_some((cpu, node))
}

/// Registers an area of so many bytes for the calling thread. Returns 0 or `-errno`.
///
/// # Safety
///
/// It is that of the calling thread, and lives as long as that.
pub unsafe fn register(area: usize, length: usize) -> isize {
    // SAFETY: the caller's promise.
    unsafe { arch::syscall(SYS_RSEQ, [area, length, 0, arch::SIGNATURE as usize]) }
}

/// Unregisters an area of [`LENGTH`] bytes.
pub fn unregister(area: usize) {
    let arguments = [area, LENGTH, UNREGISTER, arch::SIGNATURE as usize];
    // SAFETY: unregistering leaves no pointer behind.
    unsafe { arch::syscall(SYS_RSEQ, arguments) };
}
