//! The application's errno: set where the libc would set it, and otherwise left
//! as it was.
//!
//! # Safety
//!
//! What this module owes: the function is called with the type that glibc gives it.

#![allow(unsafe_code, reason = "errno is the libc's")]

use core::ffi::{c_int, c_void};
use core::mem::transmute;
use core::ptr::null_mut;
use core::sync::atomic::{AtomicPtr, Ordering};

/// glibc's function for the calling thread's errno (`__errno_location`), once it is
/// known.
static LOCATION: AtomicPtr<c_void> = AtomicPtr::new(null_mut());

/// Remembers where the function is; null for nowhere.
pub fn found(function: *mut c_void) {
    LOCATION.store(function, Ordering::Relaxed);
}

/// Whether the function is known.
pub fn is_found() -> bool {
    !LOCATION.load(Ordering::Relaxed).is_null()
}

fn place() -> Option<*mut c_int> {
    type Function = unsafe extern "C" fn() -> *mut c_int;
    let function = LOCATION.load(Ordering::Relaxed);
    if function.is_null() {
        return None;
    }
    // SAFETY: not null, so it is the libc's function of this type.
    let function = unsafe { transmute::<*mut c_void, Function>(function) };
    // SAFETY: no arguments, and it cannot fail.
    Some(unsafe { function() })
}

/// Sets it, where the function is known.
pub fn set(value: c_int) {
    if let Some(place) = place() {
        // SAFETY: the calling thread's errno.
        unsafe { *place = value };
    }
}

/// Keeps errno as it was when this was made.
pub struct KeepErrno(Option<c_int>);

impl KeepErrno {
    /// Remembers it.
    pub fn new() -> Self {
        // SAFETY: the calling thread's errno.
        Self(place().map(|place| unsafe { *place }))
    }
}

impl Drop for KeepErrno {
    fn drop(&mut self) {
        if let Some(value) = self.0 {
            set(value);
        }
    }
}
