//! The application's errno: set where the libc would set it, and otherwise left
//! as it was.

use core::ffi::{c_int, c_void};
use core::mem::transmute;
use core::ptr::null_mut;

use crate::next::Next;

/// glibc's function for the calling thread's errno (errno.h), at every version.
pub static ERRNO: Next = Next::eager(b"__errno_location", null_mut());

/// The calling thread's errno, through the function that is found at this address.
fn through(function: *mut c_void) -> Option<*mut c_int> {
    type Function = unsafe extern "C" fn() -> *mut c_int;
    if function.is_null() {
        return None;
    }
    // SAFETY: not null, so it is the libc's function of this type.
    let function = unsafe { transmute::<*mut c_void, Function>(function) };
    // SAFETY: no arguments, and it cannot fail.
    Some(unsafe { function() })
}

/// Sets it.
pub fn set(value: c_int) {
    if let Some(place) = through(ERRNO.address()) {
        // SAFETY: the calling thread's errno.
        unsafe { *place = value };
    }
}

/// Keeps errno as it was when this was made. Looks for nothing: it is made by those
/// who look.
pub struct KeepErrno(Option<c_int>);

impl KeepErrno {
    /// Remembers it.
    pub fn new() -> Self {
        // SAFETY: the calling thread's errno.
        Self(through(ERRNO.current()).map(|place| unsafe { *place }))
    }
}

impl Drop for KeepErrno {
    fn drop(&mut self) {
        if let Some(value) = self.0 {
            set(value);
        }
    }
}
