//! `dlsym` for the names in [`super::area`], and for `pthread_create`.
//!
//! librseq and others ask `dlsym(RTLD_NEXT, "__rseq_offset")`; a preload comes
//! before them in the scope, so RTLD_NEXT passes it by and finds glibc's
//! variables. And who asks for the libc's `pthread_create` by a handle, or by
//! RTLD_NEXT from behind the shim, would start threads that nobody registers.
//!
//! All other names go to the libc by a tail jump (`arch`), which
//! sees its caller's return address and answers RTLD_NEXT rightly.
//!
//! # Safety
//!
//! What this module owes: names are read as dlsym(3) reads them; what it returns
//! has the type of what was asked for.

#![allow(unsafe_code, reason = "a function of the libc is called")]

use core::ffi::{CStr, c_char, c_void};
use core::ptr::null_mut;

use crate::function::Function as _;
use crate::next::names::{DLSYM, PthreadCreate};
use crate::process::{Name, Tables, each_object};
use crate::{arch, state, threads};

/// Returns the address that the shim answers with, or null for the libc to answer.
/// `return_address` is in the caller.
///
/// # Safety
///
/// `name` is null or a C string; `handle` is one that dlsym(3) takes.
pub unsafe extern "C" fn answer(
    handle: *mut c_void,
    name: *const c_char,
    return_address: usize,
) -> *mut c_void {
    if name.is_null() {
        return null_mut();
    }
    // SAFETY: the caller's promise; only the first byte of most names is read.
    match unsafe { *name.cast::<u8>() } {
        b'_' => {}
        b'p' => {
            // SAFETY: the caller's promise.
            let name = unsafe { CStr::from_ptr(name) };
            if name != CREATE {
                return null_mut();
            }
            // SAFETY: the caller's promise.
            return unsafe { creates_threads(handle, return_address) };
        }
        _ => return null_mut(),
    }
    let is_search = handle == libc::RTLD_DEFAULT || handle == libc::RTLD_NEXT;
    if !is_search || !state::registers_threads() {
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

const CREATE: &CStr = c"pthread_create";

/// Returns whether dlsym(3) is asked for the name that creates threads.
///
/// # Safety
///
/// `name` is null or a C string.
pub unsafe fn is_about_threads(name: *const c_char) -> bool {
    // SAFETY: the caller's promise.
    !name.is_null() && unsafe { CStr::from_ptr(name) } == CREATE
}

/// Returns, to whoever would get the libc's own `pthread_create`, one that does the same
/// and whose threads are registered; else null.
///
/// # Safety
///
/// `handle` is one that dlsym(3) takes.
unsafe fn creates_threads(handle: *mut c_void, return_address: usize) -> *mut c_void {
    // in the global scope the shim's own is found, or that of who comes before it
    if !state::prepares_threads() || handle == libc::RTLD_DEFAULT {
        return null_mut();
    }
    let Some(libc) = threads::libc_create() else {
        return null_mut();
    };
    let found = if handle == libc::RTLD_NEXT {
        behind(return_address)
    } else {
        DLSYM.get().map_or(null_mut(), |dlsym| {
            // SAFETY: the caller's own arguments: with a handle it does not matter who
            // asks.
            unsafe { dlsym(handle, CREATE.as_ptr()) }
        })
    };
    if found != libc.address() {
        return null_mut();
    }
    let ours: PthreadCreate = threads::create_by_libc;
    ours.address()
}

/// Returns the first `pthread_create` behind the object that an address lies in; null where
/// the shim is behind it as well.
fn behind(address: usize) -> *mut c_void {
    let mut found = null_mut();
    let mut passed = false;
    each_object(|object| {
        if !passed {
            passed = object.contains(address);
            return false;
        }
        if object.is_the_shim() {
            return true;
        }
        let name = Name::new(CREATE.to_bytes());
        let here = object.address_of(Tables::of(object).as_ref(), name);
        found = here.unwrap_or(null_mut());
        here.is_some()
    });
    found
}
