//! The heap of the C library.
//!
//! # Safety
//!
//! mallopt(3) takes numbers.
#![allow(unsafe_code, reason = "see Safety above")]

/// Bytes from which on a block is mapped by itself: more than anything that
/// comes and goes with every file, less than the window of a compressor.
#[cfg(target_env = "gnu")]
const MAPPED: libc::c_int = 4 << 20;

/// Free bytes at the heap's end from which on they go back to the kernel: more
/// than one file leaves, so that they are not faulted in again for the next.
#[cfg(target_env = "gnu")]
const TRIMMED: libc::c_int = 2 << 20;

/// Keeps large blocks apart from small ones.
///
/// glibc takes the first large block that is freed as a sign that more of them
/// will come, and has them among the small ones from then on. There the windows
/// of compressors, of 8 MiB each, never fit into the holes that they have left
/// behind: an audit of packages had 34 MB instead of 23.
pub fn keep_large_blocks_apart() {
    #[cfg(target_env = "gnu")]
    for (name, value) in [
        (libc::M_MMAP_THRESHOLD, MAPPED),
        (libc::M_TRIM_THRESHOLD, TRIMMED),
    ] {
        // SAFETY: sets a number of the allocator's, under its own lock; where it
        // refuses, the heap works as before.
        unsafe { libc::mallopt(name, value) };
    }
}
