//! The shim's system calls, as its sources call them: memory that is zeroed, and never
//! given back.
//!
//! # Safety
//!
//! What this module owes: a mapping stays.

#![allow(unsafe_code, reason = "the shim's own declarations")]

use std::ffi::c_void;

/// As the shim's. Aligned to 16 bytes.
#[must_use]
pub fn map_anonymous(bytes: usize) -> *mut c_void {
    let words = vec![0_u128; bytes.div_ceil(size_of::<u128>())];
    Vec::leak(words).as_mut_ptr().cast()
}

/// As the shim's, and does nothing.
///
/// # Safety
///
/// None is needed; the shim's is unsafe.
pub unsafe fn unmap(_: *mut c_void, _: usize) {}
