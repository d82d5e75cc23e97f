//! The application's errno: set where the libc would set it, and otherwise left
//! as it was.
//!
//! # Safety
//!
//! What this module owes: the function is called with the type that glibc gives it.

#![allow(unsafe_code, reason = "errno is the libc's")]

use core::ffi::{c_int, c_long};

use crate::function::FoundFunction;
use crate::process::{self, Name};

type Location = unsafe extern "C" fn() -> *mut c_int;

/// glibc's function for the calling thread's errno, at every version.
static LOCATION: FoundFunction<Location> = FoundFunction::none();

fn location() -> Option<Location> {
    LOCATION.get().or_else(|| {
        let found = process::next_at_start(Name::new(b"__errno_location"))?;
        // SAFETY: `int *__errno_location(void)` (LSB); the libc stays loaded.
        unsafe { LOCATION.set(found) };
        LOCATION.get()
    })
}

fn place() -> Option<*mut c_int> {
    // SAFETY: no arguments, and it cannot fail.
    location().map(|location| unsafe { location() })
}

/// Sets it, where the function is to be had.
fn set(value: c_int) {
    if let Some(place) = place() {
        // SAFETY: the calling thread's errno.
        unsafe { *place = value };
    }
}

/// Returns a system call's result in the libc's way: -1 and errno for an error.
pub fn answer(result: isize) -> c_long {
    if (-4095..0).contains(&result) {
        set(-result as c_int);
        return -1;
    }
    result as c_long
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
