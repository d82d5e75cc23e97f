//! SIGEV_THREAD: threads that the libc starts for timers, message queues and
//! look-ups. It calls its own `pthread_create` from inside (glibc 2.34 and later),
//! so the user's function is wrapped instead, in a copy of the event: these
//! functions copy it before they return.
//!
//! Asynchronous I/O reads the event out of the caller's control block when the
//! operation ends. It cannot be wrapped without writing to the caller's memory,
//! and is left alone.
//!
//! A notification may come again and again, and at any time after it was asked
//! for. So what a notification calls is kept for the life of the process:
//! each pair of function and value once, however often it is used.
//!
//! Where the libc registers its own threads, nothing is wrapped.
//!
//! # Safety
//!
//! What this module owes: an event is copied, never written to; what is handed
//! through the libc is what [`crate::kept`] has returned.

#![allow(unsafe_code, reason = "functions of the libc are called")]

use core::ffi::{c_char, c_int, c_void};

use crate::callers::OldVersion;
use crate::kept::{Kept, keep};
use crate::next::names::{GETADDRINFO_A, MQ_NOTIFY, TIMER_CREATE};
use crate::registration::{birth, nesting};
use crate::slab::{Job, StartRoutine};
use crate::threads::Start;
use crate::{arch, errno, state};

/// `struct sigevent` (Linux with 64 bits, 64 bytes), of which libc names only parts.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct SigEvent {
    value: *mut c_void,
    signal: c_int,
    notify: c_int,
    function: Option<StartRoutine>,
    attributes: *mut c_void,
    rest: [usize; 4],
}

const _: () = assert!(size_of::<SigEvent>() == size_of::<libc::sigevent>());

/// Returns the event with our trampoline for function, if it is one that starts a
/// thread which the shim has to register.
fn wrapped(event: SigEvent) -> Option<SigEvent> {
    if event.notify != libc::SIGEV_THREAD || !state::prepares_threads() {
        return None;
    }
    birth::catch_up();
    let kept = keep(Job {
        start: event.function?,
        argument: event.value,
    })?;
    let function: StartRoutine = notification_start;
    Some(SigEvent {
        value: kept.value(),
        function: Some(function),
        ..event
    })
}

arch::start_routine! {
    /// As `threads::thread_start`, for the notification functions of SIGEV_THREAD: what
    /// is handed over stays, because a timer may expire again.
    notification_start, begin
}

/// Runs first in a notification's thread; returns what the user wants it to do.
///
/// # Safety
///
/// Called by [`notification_start`] with what the libc has handed through.
pub unsafe extern "C" fn begin(value: *mut c_void) -> Start {
    // SAFETY: what `wrapped` has put there, in an event that only the libc has.
    let Job { start, argument } = unsafe { Kept::job(value) };
    // before glibc 2.34 it may have come through `pthread_create`. That it is
    // registered says nothing: a signal handler may have done so, for its own time
    if !nesting::is_for_life() && !birth::at_birth() {
        birth::at_other_birth();
    }
    Start { start, argument }
}

/// Returns the caller's event, or a wrapped copy of it in `copy`, for functions that
/// copy it themselves before they return.
///
/// # Safety
///
/// `event` is null or valid.
unsafe fn substitute(event: *mut SigEvent, copy: &mut Option<SigEvent>) -> *mut SigEvent {
    // SAFETY: the caller's promise.
    *copy = unsafe { event.as_ref() }.copied().and_then(wrapped);
    copy.as_mut().map_or(event, core::ptr::from_mut)
}

/// Returns what the libc would answer without the function.
fn missing() -> c_int {
    errno::answer(-libc::ENOSYS as isize) as c_int
}

/// `int timer_create(clockid_t, struct sigevent *, int *)`: the timer is an int.
static WITH_INT: Option<OldVersion> = match arch::TIMER_BY_INT {
    Some(version) => Some(OldVersion::new(b"timer_create", version)),
    None => None,
};

/// Serves timer_create(2): same arguments, same results, for callers of either version.
///
/// # Safety
///
/// Called by `entry::timer_create` as timer_create(2), with the address at which
/// its caller goes on.
pub unsafe extern "C" fn create_timer(
    clock: libc::clockid_t,
    event: *mut SigEvent,
    timer: *mut libc::timer_t,
    return_address: usize,
) -> c_int {
    let next = match &WITH_INT {
        // what differs is what the last argument points to, which is not looked at here
        Some(old) if old.is_meant_by(return_address) => TIMER_CREATE.in_version(old.version()),
        _ => TIMER_CREATE.get(),
    };
    let Some(next) = next else {
        return missing();
    };
    let mut copy = None;
    // SAFETY: the caller's event.
    let event = unsafe { substitute(event, &mut copy) };
    // SAFETY: the caller's own call; the libc copies the event.
    unsafe { next(clock, event.cast(), timer) }
}

/// Serves mq_notify(3): same arguments, same results.
///
/// # Safety
///
/// As mq_notify(3).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mq_notify(queue: libc::mqd_t, event: *mut SigEvent) -> c_int {
    let Some(next) = MQ_NOTIFY.get() else {
        return missing();
    };
    let mut copy = None;
    // SAFETY: the caller's event.
    let event = unsafe { substitute(event, &mut copy) };
    // SAFETY: the caller's own call; the libc copies the event.
    unsafe { next(queue, event.cast()) }
}

/// Serves getaddrinfo_a(3): same arguments, same results.
///
/// # Safety
///
/// As getaddrinfo_a(3).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn getaddrinfo_a(
    mode: c_int,
    list: *mut *mut c_char,
    count: c_int,
    event: *mut SigEvent,
) -> c_int {
    let Some(next) = GETADDRINFO_A.get() else {
        return missing();
    };
    let mut copy = None;
    // SAFETY: the caller's event.
    let event = unsafe { substitute(event, &mut copy) };
    // SAFETY: the caller's own call; the libc copies the event.
    unsafe { next(mode, list, count, event.cast()) }
}
