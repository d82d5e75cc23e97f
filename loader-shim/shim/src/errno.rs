//! The application's errno: set where the libc would set it, and otherwise left
//! as it was.

use core::ffi::c_int;

// SAFETY: glibc's function for the calling thread's errno (errno.h), at every
// version: no arguments, and it cannot fail.
unsafe extern "C" {
    safe fn __errno_location() -> *mut c_int;
}

fn get() -> c_int {
    // SAFETY: the calling thread's errno.
    unsafe { *__errno_location() }
}

/// Sets it.
pub fn set(value: c_int) {
    // SAFETY: the calling thread's errno.
    unsafe { *__errno_location() = value };
}

/// Keeps errno as it was when this was made.
pub struct KeepErrno(c_int);

impl KeepErrno {
    /// Remembers it.
    pub fn new() -> Self {
        Self(get())
    }
}

impl Drop for KeepErrno {
    fn drop(&mut self) {
        set(self.0);
    }
}
