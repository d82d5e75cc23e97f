//! The shim's system calls, as its sources call them: memory that is zeroed, and never
//! given back.
//!
//! # Safety
//!
//! What this module owes: a mapping stays.

#![allow(unsafe_code, reason = "the shim's own declarations")]

use std::cell::RefCell;
use std::ffi::c_void;
use std::ops::Range;

thread_local! {
    /// What the calling thread has mapped.
    static MAPPED: RefCell<Vec<Range<usize>>> = const { RefCell::new(Vec::new()) };
}

/// As the shim's. Aligned to 16 bytes.
#[must_use]
pub fn map_anonymous(bytes: usize) -> *mut c_void {
    let words = vec![0_u128; bytes.div_ceil(size_of::<u128>())];
    let start = Vec::leak(words).as_mut_ptr();
    MAPPED.with_borrow_mut(|all| all.push(start.addr()..start.addr() + bytes));
    start.cast()
}

/// Returns what the calling thread has mapped since it was last asked.
#[must_use]
pub fn mapped() -> Vec<Range<usize>> {
    MAPPED.take()
}

/// As the shim's, and does nothing.
///
/// # Safety
///
/// None is needed; the shim's is unsafe.
pub unsafe fn unmap(_: *mut c_void, _: usize) {}
