//! The standard descriptors: those that were closed when this process began are
//! closed when the command begins. (The Rust runtime opens /dev/null for them.)
//!
//! # Safety
//!
//! What runs before `main` makes plain system calls on the three standard
//! descriptors only.
#![allow(unsafe_code, reason = "see Safety above")]

use std::os::fd::RawFd;
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
