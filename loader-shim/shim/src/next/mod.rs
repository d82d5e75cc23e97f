//! The functions behind the names that the shim interposes: what the next
//! object in load order defines, as `dlsym(RTLD_NEXT)` would answer.
//!
//! | module | concern |
//! |---|---|
//! | [`names`] | the table of all names, with their types |
//! | [`name`] | one name, and how what is behind it is found |
//!
//! # Safety
//!
//! What this module owes: the dynamic linker's functions are called with what their
//! manual pages ask for.

#![allow(unsafe_code, reason = "functions of the dynamic linker are called")]

use core::ffi::{CStr, c_char, c_int, c_void};
use core::ptr::null_mut;

mod name;
pub mod names;

/// Calls dlopen(3) for the shim itself; returns null where it fails. The file
/// has a path of its own, so it does not matter that the shim is the caller.
pub fn open(path: &CStr, mode: c_int) -> *mut c_void {
    names::DLOPEN.get().map_or(null_mut(), |dlopen| {
        // SAFETY: a C string; the callers open only what is loaded already.
        unsafe { dlopen(path.as_ptr(), mode) }
    })
}

/// Calls dlerror(3); returns the pending error, or null.
pub fn error() -> *mut c_char {
    names::DLERROR.get().map_or(null_mut(), |dlerror| {
        // SAFETY: no arguments.
        unsafe { dlerror() }
    })
}
