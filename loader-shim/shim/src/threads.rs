//! `pthread_create`: every thread registered before its user code.

use core::ffi::{c_int, c_void};
use core::mem::transmute;
use core::ptr::{from_ref, null_mut};
use core::sync::atomic::{AtomicPtr, Ordering};

use crate::slab::{self, Job, Slot, StartRoutine};
use crate::{arch, owner, process, register, report};

type PthreadCreate = unsafe extern "C" fn(
    *mut libc::pthread_t,
    *const libc::pthread_attr_t,
    StartRoutine,
    *mut c_void,
) -> c_int;

static LIBC_PTHREAD_CREATE: AtomicPtr<c_void> = AtomicPtr::new(null_mut());

/// Finds the libc's own function (or that of the next library that interposes
/// it, such as a sanitizer's).
pub fn resolve() {
    if let Some(address) = process::next_symbol(b"pthread_create") {
        LIBC_PTHREAD_CREATE.store(address, Ordering::Relaxed);
    }
}

fn libc_pthread_create() -> Option<PthreadCreate> {
    let address = LIBC_PTHREAD_CREATE.load(Ordering::Relaxed);
    if address.is_null() {
        return None;
    }
    // SAFETY: not null, so it is what the dynamic linker's tables say is the
    // next definition of this name.
    Some(unsafe { transmute::<*mut c_void, PthreadCreate>(address) })
}

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
    let Some(create) = libc_pthread_create().or_else(|| {
        // before glibc 2.34 libpthread may come with a dlopen
        resolve();
        libc_pthread_create()
    }) else {
        return libc::EAGAIN;
    };
    let slot = if owner::watches_threads() {
        slab::take(Job { start, argument })
    } else {
        None
    };
    let Some(slot) = slot else {
        // SAFETY: the caller's own call.
        return unsafe { create(thread, attributes, start, argument) };
    };
    // SAFETY: the caller's own call, but for a start routine that hands over to
    // the caller's.
    let answer = unsafe {
        create(
            thread,
            attributes,
            arch::thread_start,
            from_ref(slot).cast_mut().cast(),
        )
    };
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
    start: StartRoutine,
    argument: *mut c_void,
}
