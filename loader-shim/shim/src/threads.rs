//! `pthread_create`: every thread registered before its user code.
//!
//! # Safety
//!
//! What this module owes: a slot is handed to one thread; the libc's functions are
//! called with their own types.

#![allow(unsafe_code, reason = "functions of the libc are called")]

use core::ffi::{c_int, c_void};
use core::ptr::{fn_addr_eq, from_ref, null_mut};

use crate::function::{FoundFunction, Function as _};
use crate::next::names::{PTHREAD_CREATE, PthreadCreate, THRD_CREATE};
use crate::process::{Name, Tables, each_object};
use crate::registration::{birth, nesting};
use crate::slab::{self, Job, Slot, StartRoutine};
use crate::{arch, report, state};

/// glibc's value (threads.h).
pub const THRD_ERROR: c_int = 2;

/// Where `entry::pthread_create` jumps to: [`create_watched`], or straight on where
/// nobody looks at threads; nowhere before a first thread is created.
pub static CREATE: FoundFunction<PthreadCreate> = FoundFunction::none();

/// Returns where `pthread_create` goes: settled for good once it is decided what threads
/// do. `None` where no object defines it.
pub fn settle() -> Option<PthreadCreate> {
    let next = PTHREAD_CREATE.get()?;
    let target = if state::watches_threads() {
        create_watched
    } else {
        next
    };
    if state::is_decided() {
        // SAFETY: of this type.
        unsafe { CREATE.set(target.address()) };
    }
    Some(target)
}

arch::by_atomics! {
    /// Serves pthread_create(3), known and not null, with a thread that passes through our
    /// start routine. The ordinary case; all others are `create_slowly`'s.
    pub unsafe extern "C" fn create_watched(
        thread: *mut libc::pthread_t,
        attributes: *const libc::pthread_attr_t,
        start: StartRoutine,
        argument: *mut c_void,
    ) -> c_int = create_at_hand;
}

#[inline]
unsafe fn create_at_hand(
    thread: *mut libc::pthread_t,
    attributes: *const libc::pthread_attr_t,
    start: StartRoutine,
    argument: *mut c_void,
) -> c_int {
    let known = PTHREAD_CREATE.known().filter(|_| !birth::is_to_catch_up());
    let at_hand = known.and_then(|create| {
        let slot = slab::take_at_hand(Job { start, argument })?;
        Some((create, slot))
    });
    let Some((create, slot)) = at_hand else {
        // SAFETY: the caller's own call.
        return unsafe { create_slowly(thread, attributes, start, argument) };
    };
    let handed = from_ref(slot).cast_mut().cast();
    // SAFETY: the caller's own call, with a start routine that hands over to
    // the caller's.
    let answer = unsafe { create(thread, attributes, thread_start, handed) };
    if answer != 0 {
        not_created(slot);
    }
    answer
}

#[cold]
unsafe extern "C" fn create_slowly(
    thread: *mut libc::pthread_t,
    attributes: *const libc::pthread_attr_t,
    start: StartRoutine,
    argument: *mut c_void,
) -> c_int {
    let Some(create) = PTHREAD_CREATE.known() else {
        return libc::EAGAIN;
    };
    // SAFETY: as in `create_watched`.
    hand_over(start, argument, |start, argument| unsafe {
        create(thread, attributes, start, argument)
    })
}

/// The libc's own `pthread_create`, whoever comes before it.
static LIBC_CREATE: FoundFunction<PthreadCreate> = FoundFunction::none();

/// Returns the libc's own `pthread_create`, if there is one.
pub fn libc_create() -> Option<PthreadCreate> {
    if let Some(known) = LIBC_CREATE.get() {
        return Some(known);
    }
    let mut found = null_mut();
    each_object(|object| {
        // before glibc 2.34 it is in a library of its own
        if object.is_libc() || object.is_called(b"libpthread.so.0") {
            let name = Name::new(b"pthread_create");
            let here = object.address_of(Tables::of(object).as_ref(), name);
            found = here.unwrap_or(null_mut());
        }
        !found.is_null()
    });
    // SAFETY: pthread_create(3).
    unsafe { LIBC_CREATE.set(found) };
    LIBC_CREATE.get()
}

/// Serves as the libc's `pthread_create` for those who have asked for it by dlsym(3). A start
/// routine that comes from the shim is passed on: another library has interposed
/// `pthread_create` behind it.
///
/// # Safety
///
/// As pthread_create(3).
pub unsafe extern "C" fn create_by_libc(
    thread: *mut libc::pthread_t,
    attributes: *const libc::pthread_attr_t,
    start: StartRoutine,
    argument: *mut c_void,
) -> c_int {
    let Some(create) = libc_create() else {
        return libc::EAGAIN;
    };
    let is_ours = fn_addr_eq(start, thread_start as StartRoutine);
    if is_ours || !state::watches_threads() {
        // SAFETY: the caller's own call.
        return unsafe { create(thread, attributes, start, argument) };
    }
    // SAFETY: as in `create_watched`.
    hand_over(start, argument, |start, argument| unsafe {
        create(thread, attributes, start, argument)
    })
}

/// Serves thrd_create(3): same arguments, same results. The thread's result is an int
/// in the register in which the other kind of start routine returns a pointer.
///
/// # Safety
///
/// As thrd_create(3).
pub unsafe fn create_by_c11(
    thread: *mut libc::pthread_t,
    start: StartRoutine,
    argument: *mut c_void,
) -> c_int {
    let Some(create) = THRD_CREATE.get() else {
        return THRD_ERROR;
    };
    if !state::watches_threads() {
        // SAFETY: the caller's own call.
        return unsafe { create(thread, start, argument) };
    }
    // SAFETY: as in `create_watched`.
    hand_over(start, argument, |start, argument| unsafe {
        create(thread, start, argument)
    })
}

/// Lets `create` start a thread at our start routine, which goes on to the user's. 0
/// means that there is a thread.
pub fn hand_over(
    start: StartRoutine,
    argument: *mut c_void,
    create: impl Fn(StartRoutine, *mut c_void) -> c_int,
) -> c_int {
    birth::catch_up();
    let Some(slot) = slab::take(Job { start, argument }) else {
        return missed(create(start, argument));
    };
    let answer = create(thread_start, from_ref(slot).cast_mut().cast());
    if answer != 0 {
        not_created(slot);
    }
    answer
}

/// Gives the slot back: there is no thread.
#[cold]
#[inline(never)]
fn not_created(slot: &'static Slot) {
    // SAFETY: nobody else has it.
    unsafe { slab::give(slot) };
}

#[cold]
fn missed(answer: c_int) -> c_int {
    if answer == 0 {
        report::thread_missed();
    }
    answer
}

arch::start_routine! {
    /// The start routine that the libc is given, with the hand-over slot for argument.
    thread_start, begin
}

arch::by_atomics! {
    /// Runs first in a new thread; returns what the user wants it to do.
    ///
    /// # Safety
    ///
    /// Called once per thread by `thread_start` with the slot that
    /// `pthread_create` filled.
    pub unsafe extern "C" fn begin(slot: &'static Slot) -> Start = begin_at_birth;
}

#[inline]
unsafe fn begin_at_birth(slot: &'static Slot) -> Start {
    // SAFETY: the caller's promise.
    let job = unsafe { slab::give(slot) };
    if birth::at_birth() {
        return Start::from(job);
    }
    begin_otherwise(job.start, job.argument)
}

#[cold]
extern "C" fn begin_otherwise(start: StartRoutine, argument: *mut c_void) -> Start {
    if nesting::is_first_start() {
        birth::at_other_birth();
    }
    Start { start, argument }
}

/// Returned in rax and rdx (x86_64), x0 and x1 (aarch64), or memory (s390x).
#[repr(C)]
pub struct Start {
    /// The user's routine.
    pub start: StartRoutine,
    /// Its argument.
    pub argument: *mut c_void,
}

impl From<Job> for Start {
    fn from(job: Job) -> Self {
        let Job { start, argument } = job;
        Self { start, argument }
    }
}
