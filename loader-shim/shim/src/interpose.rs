//! Interposed functions that may be called before our constructor has run: they decide
//! first, and go on where they belong.
//!
//! # Safety
//!
//! What this module owes: the functions keep the types and promises of those that
//! they stand for.

#![allow(unsafe_code, reason = "names are exported")]

use core::ffi::{c_char, c_int, c_void};

use crate::names::lookup;
use crate::slab::StartRoutine;
use crate::threads;
use crate::{start, state};

/// Serves pthread_create(3) when it is first called, maybe before anything is decided: a
/// library starts threads before our constructor has run. And before glibc 2.34, as long
/// as libpthread is not there.
///
/// # Safety
///
/// As pthread_create(3).
pub unsafe extern "C" fn create_first(
    thread: *mut libc::pthread_t,
    attributes: *const libc::pthread_attr_t,
    start: StartRoutine,
    argument: *mut c_void,
) -> c_int {
    start::decide_once();
    let Some(create) = threads::settle() else {
        return libc::EAGAIN;
    };
    // SAFETY: the caller's own call.
    unsafe { create(thread, attributes, start, argument) }
}

/// Serves thrd_create(3): same arguments, same results.
///
/// # Safety
///
/// As thrd_create(3).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn thrd_create(
    thread: *mut libc::pthread_t,
    start: StartRoutine,
    argument: *mut c_void,
) -> c_int {
    start::decide_once();
    // SAFETY: the caller's own call.
    unsafe { threads::create_by_c11(thread, start, argument) }
}

/// Returns what the shim answers to dlsym(3), or null for the libc to answer.
///
/// # Safety
///
/// As [`lookup::answer`].
pub unsafe extern "C" fn answer_dlsym(
    handle: *mut c_void,
    name: *const c_char,
    return_address: usize,
) -> *mut c_void {
    // SAFETY: the caller's promise.
    if !state::is_decided() && unsafe { lookup::is_about_threads(name) } {
        start::decide_once();
    }
    // SAFETY: the caller's promise.
    unsafe { lookup::answer(handle, name, return_address) }
}
