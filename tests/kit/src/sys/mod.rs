//! The only unsafe code of the tests: what a child does between fork and exec,
//! the ptrace requests, and a few calls that libc offers no other way.
//!
//! # Safety
//!
//! Pointers handed to the kernel point to live variables of the right type, and
//! code between fork and exec calls only async-signal-safe functions.
#![allow(
    unsafe_code,
    reason = "ptrace, seccomp and what happens between fork and exec have no safe interface"
)]

pub mod before_exec;
pub mod processor;
pub mod ptrace;
pub mod seccomp;

use std::ffi::CStr;

use tls_model::rseq::arch::{self, Arch};

/// Sends `signal` to a process, or to a process group where `pid` is negative.
/// A target that is gone is no error.
pub fn kill(pid: libc::pid_t, signal: libc::c_int) {
    // SAFETY: takes no pointers; the callers pass ids of their own children.
    unsafe { libc::kill(pid, signal) };
}

/// Returns the version of the C library that the tests run on, as `(2, 36)`.
#[must_use]
pub fn glibc_version() -> Option<(u32, u32)> {
    // SAFETY: takes nothing and returns a string that lives as long as libc.
    let text = unsafe { libc::gnu_get_libc_version() };
    // SAFETY: see above; glibc ends it with a zero byte.
    let text = unsafe { CStr::from_ptr(text) }.to_str().ok()?;
    let (major, minor) = text.split_once('.')?;
    Some((major.parse().ok()?, minor.split('.').next()?.parse().ok()?))
}

/// Returns whether the test process is root.
#[must_use]
pub fn is_root() -> bool {
    // SAFETY: takes nothing and cannot fail.
    unsafe { libc::geteuid() == 0 }
}

/// Returns the `errno` with which the kernel answers a `sys_rseq` that it cannot grant.
#[must_use]
pub fn rseq_refusal(number: u32) -> i32 {
    // SAFETY: a null area of length 0 is refused by every kernel before it is
    // looked at, whether this thread is registered or not.
    unsafe { libc::syscall(libc::c_long::from(number), 0, 0, 0, 0) };
    std::io::Error::last_os_error().raw_os_error().unwrap_or(0)
}

/// Returns the native architecture.
///
/// # Errors
///
/// rseq is not known for it.
pub fn native() -> Result<Arch, String> {
    arch::native().ok_or_else(|| "no rseq numbers for this architecture".to_owned())
}
