//! The C interface (`include/rseq_shim.h`).
//!
//! # Safety
//!
//! What this module owes: the exported names are those of `rseq_shim.h`, with its
//! types.

#![allow(unsafe_code, reason = "names are exported")]

use core::ffi::{CStr, c_char, c_int};

use crate::registration::nesting;
use crate::state;

const VERSION: &CStr =
    match CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes()) {
        Ok(version) => version,
        Err(_) => panic!("a version has no zero byte"),
    };

/// Registers the calling thread's `__rseq_abi`, or finds it registered; returns 0 or a
/// negative errno. Nests; each success is to be given back by
/// [`rseq_shim_unregister_current_thread`]. Async-signal-safe.
#[unsafe(no_mangle)]
pub extern "C" fn rseq_shim_register_current_thread() -> c_int {
    nesting::enter()
}

/// Gives a registration back; the kernel is called when the last one goes. Returns 0,
/// or `-EINVAL` without one to give back. Async-signal-safe.
#[unsafe(no_mangle)]
pub extern "C" fn rseq_shim_unregister_current_thread() -> c_int {
    nesting::leave()
}

/// Returns who owns the registration in this process: `enum rseq_shim_owner`.
/// Async-signal-safe.
#[unsafe(no_mangle)]
pub extern "C" fn rseq_shim_owner() -> c_int {
    state::current() as c_int
}

/// Returns the shim's version, such as "0.1.0". Async-signal-safe.
#[unsafe(no_mangle)]
pub extern "C" fn rseq_shim_version() -> *const c_char {
    VERSION.as_ptr()
}
