//! The standard descriptors: those that were closed when this process began are
//! closed when the command begins. (The Rust runtime opens /dev/null for them.)
//!
//! # Safety
//!
//! What runs before `main` makes plain system calls on the three standard
//! descriptors only.
#![allow(unsafe_code, reason = "see Safety above")]

use std::io;
use std::os::fd::{FromRawFd as _, OwnedFd, RawFd};
use std::sync::atomic::{AtomicBool, Ordering};

/// Standard input, output and error: whether each was closed at start.
static WAS_CLOSED: [AtomicBool; 3] = [const { AtomicBool::new(false) }; 3];

/// Runs before the Rust runtime does.
#[used]
#[unsafe(link_section = ".init_array")]
static REMEMBER: extern "C" fn() = remember;

extern "C" fn remember() {
    for (descriptor, was_closed) in (0..).zip(&WAS_CLOSED) {
        was_closed.store(is_closed(descriptor), Ordering::Relaxed);
    }
}

fn is_closed(descriptor: RawFd) -> bool {
    // SAFETY: asks only, and takes any number.
    unsafe { libc::fcntl(descriptor, libc::F_GETFD) < 0 }
}

/// Returns a copy of an open descriptor, which no command inherits.
///
/// # Errors
///
/// As fcntl(2): it is not open.
pub fn duplicate(descriptor: RawFd) -> io::Result<OwnedFd> {
    // SAFETY: takes any number.
    let copy = unsafe { libc::fcntl(descriptor, libc::F_DUPFD_CLOEXEC, 3) };
    if copy < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: a fresh descriptor that nobody else has.
    Ok(unsafe { OwnedFd::from_raw_fd(copy) })
}

/// Closes what was closed at start. For use between fork and exec.
pub fn close_for_command() {
    for (descriptor, was_closed) in (0..).zip(&WAS_CLOSED) {
        if was_closed.load(Ordering::Relaxed) {
            // SAFETY: nothing but the runtime's /dev/null is there, which has no
            // owner; this process is about to become another.
            unsafe { libc::close(descriptor) };
        }
    }
}
