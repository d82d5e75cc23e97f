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
use core::ptr::from_ref;

use crate::next::Next;
use crate::slab::{self, Job, Kept, Slot, StartRoutine};
use crate::threads::Start;
use crate::{arch, owner, register, report, syscalls};

/// `struct sigevent` (x86-64 Linux, 64 bytes), of which libc names only parts.
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

/// The event with our trampoline for function, if it is one that starts a
/// thread which the shim has to register.
fn wrapped(event: SigEvent) -> Option<SigEvent> {
    if event.notify != libc::SIGEV_THREAD || !owner::prepares_threads() {
        return None;
    }
    let start = event.function?;
    if core::ptr::fn_addr_eq(start, TRAMPOLINE) {
        return None;
    }
    let slot = slab::keep(Job {
        start,
        argument: event.value,
    })?;
    let value = from_ref::<Slot>(slot).cast_mut().cast();
    Some(SigEvent {
        value,
        function: Some(TRAMPOLINE),
        ..event
    })
}

/// The same register convention as any start routine's; the user's function
/// answers nothing.
const TRAMPOLINE: StartRoutine = arch::notification_start;

/// What a notification's thread does first; answers what the user wants it to
/// do.
///
/// # Safety
///
/// Called by `arch::notification_start` with a slot of [`slab::keep`].
pub unsafe extern "C" fn begin(slot: Kept) -> Start {
    let Job { start, argument } = slot.job();
    if !register::is_registered() {
        report::thread_started();
        register::at_birth();
    }
    Start { start, argument }
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
/// operation ends, so the control block itself gets our trampoline, once.
///
/// # Safety
///
/// `block` is null or valid.
unsafe fn prepare(block: *mut libc::aiocb) {
    if block.is_null() {
        return;
    }
    let event: *mut SigEvent = block
        .wrapping_byte_add(offset_of!(libc::aiocb, aio_sigevent))
        .cast();
    // SAFETY: part of the caller's control block.
    if let Some(wrapped) = wrapped(unsafe { *event }) {
        // SAFETY: as above; the libc does not look at it before it is called.
        unsafe { *event = wrapped };
    }
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
            unsafe { prepare(block) };
            // SAFETY: the caller's own call.
            unsafe { next(block) }
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
            unsafe { prepare(block) };
            // SAFETY: the caller's own call.
            unsafe { next(operation, block) }
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
