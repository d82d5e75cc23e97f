//! `pthread_create`: every thread registered before its user code.

use core::ffi::{c_int, c_void};
use core::mem::transmute;
use core::ptr::{fn_addr_eq, from_ref, null_mut};
use core::sync::atomic::{AtomicPtr, Ordering};

use crate::next::Next;
use crate::process::{Name, Tables, each_object};
use crate::slab::{self, Job, Slot, StartRoutine};
use crate::{arch, owner, register, report};

/// glibc's value (threads.h).
const THRD_ERROR: c_int = 2;

type ThrdCreate = unsafe extern "C" fn(*mut libc::pthread_t, StartRoutine, *mut c_void) -> c_int;
/// pthread_create(3).
pub type PthreadCreate = unsafe extern "C" fn(
    *mut libc::pthread_t,
    *const libc::pthread_attr_t,
    StartRoutine,
    *mut c_void,
) -> c_int;

/// The libc's function, or that of the next library that interposes it, such as
/// a sanitizer's. Looked for again when it is not there at start-up: before
/// glibc 2.34, libpthread may come with a dlopen.
pub static PTHREAD_CREATE: Next = Next::eager(b"pthread_create", null_mut());

/// `thrd_create` calls the libc's `pthread_create` from inside.
static THRD_CREATE: Next = Next::lazy(b"thrd_create");

/// pthread_create(3): same arguments, same answer.
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
    // a library that starts threads before our constructor ran
    owner::decide_once();
    let create = PTHREAD_CREATE.address();
    if create.is_null() {
        return libc::EAGAIN;
    }
    // SAFETY: not null, so it is the next definition of this name.
    let create = unsafe { transmute::<*mut c_void, PthreadCreate>(create) };
    // SAFETY: the caller's own call, with a start routine that hands over to
    // the caller's.
    hand_over(start, argument, |start, argument| unsafe {
        create(thread, attributes, start, argument)
    })
}

/// The libc's own `pthread_create`, whoever comes before it.
static LIBC_CREATE: AtomicPtr<c_void> = AtomicPtr::new(null_mut());

/// The libc's own `pthread_create`; null where there is none.
pub fn libc_create() -> *mut c_void {
    let known = LIBC_CREATE.load(Ordering::Relaxed);
    if !known.is_null() {
        return known;
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
    LIBC_CREATE.store(found, Ordering::Relaxed);
    found
}

/// The libc's `pthread_create` for those who have asked for it by dlsym(3). A start
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
    let create = libc_create();
    if create.is_null() {
        return libc::EAGAIN;
    }
    // SAFETY: not null, so it is the libc's.
    let create = unsafe { transmute::<*mut c_void, PthreadCreate>(create) };
    if fn_addr_eq(start, arch::thread_start as StartRoutine) {
        // SAFETY: the caller's own call.
        return unsafe { create(thread, attributes, start, argument) };
    }
    // SAFETY: as in `pthread_create`.
    hand_over(start, argument, |start, argument| unsafe {
        create(thread, attributes, start, argument)
    })
}

/// thrd_create(3): same arguments, same answer. The thread's result is an int
/// in the register in which the other kind of start routine answers a pointer.
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
    owner::decide_once();
    let create = THRD_CREATE.address();
    if create.is_null() {
        return THRD_ERROR;
    }
    // SAFETY: not null, so it is the next definition of this name.
    let create = unsafe { transmute::<*mut c_void, ThrdCreate>(create) };
    // SAFETY: as in `pthread_create`.
    hand_over(start, argument, |start, argument| unsafe {
        create(thread, start, argument)
    })
}

/// Lets `create` start a thread at our trampoline, if the shim watches threads,
/// and otherwise at the user's routine. 0 means that there is a thread.
fn hand_over(
    start: StartRoutine,
    argument: *mut c_void,
    create: impl FnOnce(StartRoutine, *mut c_void) -> c_int,
) -> c_int {
    if !owner::watches_threads() {
        return create(start, argument);
    }
    register::catch_up();
    let Some(slot) = slab::take(Job { start, argument }) else {
        let answer = create(start, argument);
        if answer == 0 {
            report::thread_missed();
        }
        return answer;
    };
    let answer = create(arch::thread_start, from_ref(slot).cast_mut().cast());
    if answer != 0 {
        // SAFETY: there is no thread, so the slot is still ours.
        unsafe { slab::give(slot) };
    }
    answer
}

/// What a new thread does first; answers what the user wants it to do.
///
/// # Safety
///
/// Called once per thread by `arch::thread_start` with the slot that
/// [`pthread_create`] filled.
pub unsafe extern "C" fn begin(slot: &'static Slot) -> Start {
    // SAFETY: the caller's promise.
    let Job { start, argument } = unsafe { slab::give(slot) };
    report::thread_started();
    register::at_birth();
    Start { start, argument }
}

/// Answered in rax and rdx (x86_64) or x0 and x1 (aarch64).
#[repr(C)]
pub struct Start {
    /// The user's routine.
    pub start: StartRoutine,
    /// Its argument.
    pub argument: *mut c_void,
}
