//! SIGEV_THREAD: threads that the libc starts for timers, message queues,
//! look-ups and asynchronous I/O. It calls its own `pthread_create` from inside
//! (glibc 2.34 and later), so the user's function is wrapped instead.
//!
//! A notification may come again and again, and at any time after it was asked
//! for. So what a notification is to call is kept for the life of the process:
//! one slot for each pair of function and value, however often it is used.
//!
//! Where the libc registers its own threads, nothing is wrapped.

use core::ffi::{c_char, c_int, c_void};
use core::mem::{offset_of, transmute};
use core::ptr::null_mut;

use crate::next::Next;
use crate::slab::{self, Job, Kept, StartRoutine};
use crate::threads::Start;
use crate::{arch, nesting, owner, register, report, syscalls};

/// `struct sigevent` (x86-64 Linux, 64 bytes), of which libc names only parts.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct SigEvent {
    value: *mut c_void,
    signal: c_int,
    notify: c_int,
    function: Option<StartRoutine>,
    attributes: *mut c_void,
    rest: [usize; 3],
    /// Unused by the libc: the caller's function, where ours stands for it.
    stash: Option<StartRoutine>,
}

const _: () = assert!(size_of::<SigEvent>() == size_of::<libc::sigevent>());

/// The event with our trampoline for function, if it is one that starts a
/// thread which the shim has to register.
fn wrapped(event: SigEvent) -> Option<SigEvent> {
    if event.notify != libc::SIGEV_THREAD || !owner::prepares_threads() {
        return None;
    }
    let (start, argument) = asked_for(&event)?;
    let kept = slab::keep(Job { start, argument })?;
    let function: StartRoutine = arch::notification_start;
    Some(SigEvent {
        value: kept.value(),
        function: Some(function),
        stash: Some(start),
        ..event
    })
}

/// Function and value that the caller means: also where we have changed the
/// event for an earlier use, and the caller has changed its function or its value
/// since, or has copied it.
fn asked_for(event: &SigEvent) -> Option<(StartRoutine, *mut c_void)> {
    let start = event.function?;
    let kept = Kept::from_value(event.value).map(Kept::job);
    let argument = kept.map_or(event.value, |job| job.argument);
    if !core::ptr::fn_addr_eq(start, arch::notification_start as StartRoutine) {
        return Some((start, argument));
    }
    match kept {
        Some(job) => Some((job.start, argument)),
        None => Some((event.stash?, argument)),
    }
}

/// What a notification's thread does first; answers what the user wants it to
/// do.
///
/// # Safety
///
/// Called by `arch::notification_start` with what the libc has handed through.
pub unsafe extern "C" fn begin(value: *mut c_void) -> Start {
    let Some(kept) = Kept::from_value(value) else {
        // changed by the program while the operation ran, which it may not: we
        // cannot know any more what to call
        return Start {
            start: do_nothing,
            argument: value,
        };
    };
    let Job { start, argument } = kept.job();
    // before glibc 2.34 it may have come through `pthread_create`. That it is
    // registered says nothing: a signal handler may have done so, for its own time
    if !nesting::is_for_life() {
        report::thread_started();
        register::at_birth();
    }
    Start { start, argument }
}

unsafe extern "C" fn do_nothing(value: *mut c_void) -> *mut c_void {
    value
}

/// The caller's event, or a wrapped copy of it in `copy`, for functions that
/// copy it themselves before they answer.
///
/// # Safety
///
/// `event` is null or valid.
unsafe fn substitute(event: *mut SigEvent, copy: &mut Option<SigEvent>) -> *mut SigEvent {
    // SAFETY: the caller's promise.
    *copy = unsafe { event.as_ref() }.copied().and_then(wrapped);
    copy.as_mut().map_or(event, core::ptr::from_mut)
}

/// What the libc would answer without the function.
fn missing() -> c_int {
    syscalls::answer(-libc::ENOSYS as isize) as c_int
}

macro_rules! next {
    ($name:literal as $type:ty) => {{
        static NEXT: Next = Next::lazy($name);
        let address = NEXT.address();
        if address.is_null() {
            return missing();
        }
        // SAFETY: not null, so it is the next definition of this name.
        unsafe { transmute::<*mut c_void, $type>(address) }
    }};
}

/// timer_create(2): same arguments, same answer.
///
/// # Safety
///
/// As timer_create(2).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn timer_create(
    clock: libc::clockid_t,
    event: *mut SigEvent,
    timer: *mut libc::timer_t,
) -> c_int {
    type Libc = unsafe extern "C" fn(libc::clockid_t, *mut SigEvent, *mut libc::timer_t) -> c_int;
    let next = next!(b"timer_create" as Libc);
    let mut copy = None;
    // SAFETY: the caller's event.
    let event = unsafe { substitute(event, &mut copy) };
    // SAFETY: the caller's own call; the libc copies the event.
    unsafe { next(clock, event, timer) }
}

/// mq_notify(3): same arguments, same answer.
///
/// # Safety
///
/// As mq_notify(3).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mq_notify(queue: libc::mqd_t, event: *mut SigEvent) -> c_int {
    type Libc = unsafe extern "C" fn(libc::mqd_t, *mut SigEvent) -> c_int;
    let next = next!(b"mq_notify" as Libc);
    let mut copy = None;
    // SAFETY: the caller's event.
    let event = unsafe { substitute(event, &mut copy) };
    // SAFETY: the caller's own call; the libc copies the event.
    unsafe { next(queue, event) }
}

/// getaddrinfo_a(3): same arguments, same answer.
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
    type Libc = unsafe extern "C" fn(c_int, *mut *mut c_char, c_int, *mut SigEvent) -> c_int;
    let next = next!(b"getaddrinfo_a" as Libc);
    let mut copy = None;
    // SAFETY: the caller's event.
    let event = unsafe { substitute(event, &mut copy) };
    // SAFETY: the caller's own call; the libc copies the event.
    unsafe { next(mode, list, count, event) }
}

/// Asynchronous I/O reads the event out of the caller's control block when the
/// operation ends, so the control block itself gets our trampoline. It keeps it:
/// when the notification comes, the block may be the caller's memory no more.
/// Answers what was there, to be put back where the operation did not begin.
///
/// # Safety
///
/// `block` is null or valid.
unsafe fn prepare(block: *mut libc::aiocb) -> Option<SigEvent> {
    let event = event_of(block);
    // SAFETY: part of the caller's control block, or null.
    let before = *unsafe { event.as_ref() }?;
    let wrapped = wrapped(before)?;
    // SAFETY: as above; the libc does not look at it before it is called.
    unsafe { *event = wrapped };
    Some(before)
}

/// Puts the event back after a call that failed.
///
/// # Safety
///
/// `block` is null or valid.
unsafe fn undo(block: *mut libc::aiocb, before: Option<SigEvent>, result: c_int) -> c_int {
    if let Some(before) = before
        && result != 0
    {
        // SAFETY: part of the caller's control block, which `prepare` has read.
        unsafe { *event_of(block) = before };
    }
    result
}

fn event_of(block: *mut libc::aiocb) -> *mut SigEvent {
    if block.is_null() {
        return null_mut();
    }
    block
        .wrapping_byte_add(offset_of!(libc::aiocb, aio_sigevent))
        .cast()
}

macro_rules! aio {
    ($($name:ident $text:literal)*) => {$(
        /// As the function of that name: same arguments, same answer.
        ///
        /// # Safety
        ///
        /// As the function of that name.
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $name(block: *mut libc::aiocb) -> c_int {
            type Libc = unsafe extern "C" fn(*mut libc::aiocb) -> c_int;
            let next = next!($text as Libc);
            // SAFETY: the caller's control block.
            let before = unsafe { prepare(block) };
            // SAFETY: the caller's own call.
            let result = unsafe { next(block) };
            // SAFETY: the caller's control block.
            unsafe { undo(block, before, result) }
        }
    )*};
}

aio! {
    aio_read b"aio_read"
    aio_read64 b"aio_read64"
    aio_write b"aio_write"
    aio_write64 b"aio_write64"
}

macro_rules! aio_fsync {
    ($($name:ident $text:literal)*) => {$(
        /// As the function of that name: same arguments, same answer.
        ///
        /// # Safety
        ///
        /// As the function of that name.
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $name(operation: c_int, block: *mut libc::aiocb) -> c_int {
            type Libc = unsafe extern "C" fn(c_int, *mut libc::aiocb) -> c_int;
            let next = next!($text as Libc);
            // SAFETY: the caller's control block.
            let before = unsafe { prepare(block) };
            // SAFETY: the caller's own call.
            let result = unsafe { next(operation, block) };
            // SAFETY: the caller's control block.
            unsafe { undo(block, before, result) }
        }
    )*};
}

aio_fsync! {
    aio_fsync b"aio_fsync"
    aio_fsync64 b"aio_fsync64"
}

macro_rules! lio_listio {
    ($($name:ident $text:literal)*) => {$(
        /// As the function of that name: same arguments, same answer.
        ///
        /// # Safety
        ///
        /// As the function of that name.
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $name(
            mode: c_int,
            list: *const *mut libc::aiocb,
            count: c_int,
            event: *mut SigEvent,
        ) -> c_int {
            type Libc = unsafe extern "C" fn(
                c_int,
                *const *mut libc::aiocb,
                c_int,
                *mut SigEvent,
            ) -> c_int;
            let next = next!($text as Libc);
            for index in 0..usize::try_from(count).unwrap_or(0) {
                // SAFETY: the caller's list of `count` entries.
                let block = unsafe { *list.wrapping_add(index) };
                // SAFETY: null, or one of the caller's control blocks.
                unsafe { prepare(block) };
            }
            let mut copy = None;
            // SAFETY: the caller's event.
            let event = unsafe { substitute(event, &mut copy) };
            // SAFETY: the caller's own call; the libc copies the event.
            unsafe { next(mode, list, count, event) }
        }
    )*};
}

lio_listio! {
    lio_listio b"lio_listio"
    lio_listio64 b"lio_listio64"
}
