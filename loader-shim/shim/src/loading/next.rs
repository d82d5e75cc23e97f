//! The dynamic linker's own functions behind the interposed ones, and what is
//! called of it besides.
//!
//! Found at start-up: looking for `dlerror` when it is called would wipe the
//! error that it is asked for. Before glibc 2.34 they live in libdl, which may
//! be absent at first.
//!
//! # Safety
//!
//! What this module owes: the functions have the types that dlopen(3) and its
//! siblings say.

#![allow(unsafe_code, reason = "addresses become functions")]

use core::ffi::{CStr, c_char, c_int, c_void};
use core::mem::transmute;
use core::ptr::null_mut;

use crate::arch;
use crate::next::Next;

/// dlopen(3). Assembly jumps through it; what it finds before the function is
/// known looks for it.
pub static DLOPEN: Next = Next::eager(b"dlopen", late_dlopen as *mut c_void);
/// dlclose(3)
pub static DLCLOSE: Next = Next::eager(b"dlclose", no_dlclose as *mut c_void);
/// dlerror(3)
pub static DLERROR: Next = Next::eager(b"dlerror", no_dlerror as *mut c_void);
/// gnu_get_libc_version(3)
pub static VERSION: Next = Next::lazy(b"gnu_get_libc_version");

/// dlopen(3), called by the shim for itself: as null where it fails. The file
/// has a path of its own, so it does not matter that the shim is the caller.
pub fn open(path: &CStr, mode: c_int) -> *mut c_void {
    type Function = unsafe extern "C" fn(*const c_char, c_int) -> *mut c_void;
    // SAFETY: the dynamic linker's function, or `late_dlopen`.
    let function = unsafe { transmute::<*mut c_void, Function>(DLOPEN.address()) };
    // SAFETY: a C string; the callers open only what is loaded already.
    unsafe { function(path.as_ptr(), mode) }
}

/// dlerror(3): the pending error, or null.
pub fn error() -> *mut c_char {
    type Function = unsafe extern "C" fn() -> *mut c_char;
    // SAFETY: the dynamic linker's function, or `no_dlerror`.
    let function = unsafe { transmute::<*mut c_void, Function>(DLERROR.address()) };
    // SAFETY: no arguments.
    unsafe { function() }
}

arch::late_function! {
    /// dlopen(3) before the dynamic linker's is known: looks for it, and goes on there.
    late_dlopen, find_dlopen
}

/// Where a dlopen goes on that came before the function was known.
pub extern "C" fn find_dlopen() -> *mut c_void {
    let found = DLOPEN.address();
    if found == late_dlopen as *mut c_void {
        return no_dlopen as *mut c_void;
    }
    found
}

unsafe extern "C" fn no_dlopen(_: *const c_char, _: c_int) -> *mut c_void {
    null_mut()
}

unsafe extern "C" fn no_dlclose(_: *mut c_void) -> c_int {
    -1
}

unsafe extern "C" fn no_dlerror() -> *mut c_char {
    null_mut()
}
