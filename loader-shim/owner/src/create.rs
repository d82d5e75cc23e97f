//! `pthread_create` and `thrd_create` of the program, and what is behind them.
//!
//! In a static program the linker takes these definitions before the libc's. The
//! libc's own threads (timers, message queues, asynchronous I/O) call its internal
//! name, which `-Wl,--wrap=__pthread_create` leads here. In a dynamic program the
//! definitions come first in the global scope, for its libraries as well.
//!
//! # Safety
//!
//! What this module owes: the functions keep the types and promises of those that
//! they stand for.

#![allow(unsafe_code, reason = "names are exported")]

use core::ffi::{c_int, c_void};
use core::ptr::null;

use crate::slab::StartRoutine;
use crate::{behind, start, state, threads};

/// Does what pthread_create(3) does, with the same arguments and results, and registers the
/// thread before its user code runs.
///
/// # Safety
///
/// As pthread_create(3).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pthread_create(
    thread: *mut libc::pthread_t,
    attributes: *const libc::pthread_attr_t,
    start: StartRoutine,
    argument: *mut c_void,
) -> c_int {
    start::decide_once();
    let Some(create) = behind::find() else {
        return libc::EAGAIN;
    };
    if !state::watches_threads() {
        // SAFETY: the caller's own call.
        return unsafe { create(thread, attributes, start, argument) };
    }
    // SAFETY: the caller's own call, with a start routine that goes on to the caller's.
    threads::hand_over(start, argument, |start, argument| unsafe {
        create(thread, attributes, start, argument)
    })
}

/// Serves the libc's own calls, which `-Wl,--wrap=__pthread_create` leads here.
///
/// # Safety
///
/// As pthread_create(3).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __wrap___pthread_create(
    thread: *mut libc::pthread_t,
    attributes: *const libc::pthread_attr_t,
    start: StartRoutine,
    argument: *mut c_void,
) -> c_int {
    // SAFETY: the caller's own call.
    unsafe { pthread_create(thread, attributes, start, argument) }
}

/// Does what thrd_create(3) does, as the libc's, whose results go through the register in
/// which the other kind of start routine returns a pointer.
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
    // SAFETY: the caller's own call.
    match unsafe { pthread_create(thread, null(), start, argument) } {
        0 => THRD_SUCCESS,
        libc::ENOMEM => THRD_NOMEM,
        _ => threads::THRD_ERROR,
    }
}

// glibc's values (threads.h).
const THRD_SUCCESS: c_int = 0;
const THRD_NOMEM: c_int = 3;
