//! `dlsym` for the names in [`super::area`].
//!
//! librseq and others ask `dlsym(RTLD_NEXT, "__rseq_offset")`; a preload comes
//! before them in the scope, so RTLD_NEXT passes it by and finds glibc's
//! variables. All other names go to the libc by a tail jump (`arch`), which
//! sees its caller's return address and answers RTLD_NEXT rightly.

use core::ffi::{CStr, c_char, c_void};
use core::mem::transmute;
use core::ptr::null_mut;

use crate::next::Next;
use crate::{arch, owner};

/// The libc's `dlsym` (in libdl before glibc 2.34).
pub static DLSYM: Next = Next::eager(b"dlsym", dlsym_before_start as *mut c_void);

/// The variable that an answer of ours is, or null for the libc to answer.
///
/// # Safety
///
/// `name` is null or a C string.
pub unsafe extern "C" fn answer(handle: *mut c_void, name: *const c_char) -> *mut c_void {
    let is_search = handle == libc::RTLD_DEFAULT || handle == libc::RTLD_NEXT;
    if !is_search || name.is_null() || !owner::registers_threads() {
        return null_mut();
    }
    // SAFETY: the caller's promise; only the first byte of most names is read.
    if unsafe { *name } != b'_' as c_char {
        return null_mut();
    }
    // SAFETY: the caller's promise.
    let name = unsafe { CStr::from_ptr(name) };
    let bound = arch::bound_names();
    match name.to_bytes() {
        b"__rseq_offset" => bound.offset.cast(),
        b"__rseq_size" => bound.size.cast(),
        b"__rseq_flags" => bound.flags.cast(),
        _ => null_mut(),
    }
}

type Dlsym = unsafe extern "C" fn(*mut c_void, *const c_char) -> *mut c_void;

/// Serves callers that come before our constructor, or before libdl.
unsafe extern "C" fn dlsym_before_start(handle: *mut c_void, name: *const c_char) -> *mut c_void {
    let found = DLSYM.address();
    if core::ptr::eq(found, dlsym_before_start as *mut c_void) {
        return null_mut();
    }
    // SAFETY: the libc's function of this type.
    let libc = unsafe { transmute::<*mut c_void, Dlsym>(found) };
    // SAFETY: the caller's own call.
    unsafe { libc(handle, name) }
}
