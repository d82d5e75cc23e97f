//! A stack for looking at files: the caller's may be small (PTHREAD_STACK_MIN is
//! 16 KiB), and reading ELF takes more than dlopen itself does.
//!
//! # Safety
//!
//! What this module owes: the memory is used by one thread, and returned when
//! nothing runs on it any more.

use core::ffi::c_void;
use core::ptr::null_mut;
use core::sync::atomic::{AtomicPtr, Ordering};

use crate::{arch, kernel};

/// The deepest look takes 52 KiB in a debug build; the rest is for signal
/// handlers. No more than that: a program may have a limit (RLIMIT_AS). Only what
/// is touched costs memory.
const BYTES: usize = 256 * 1024;

/// One that nobody uses: fresh memory costs a page fault for every 4 KiB.
static SPARE: AtomicPtr<c_void> = AtomicPtr::new(null_mut());

/// Runs `work` on a stack of its own. Where there is no memory it is not run:
/// everything then goes on as without the shim.
pub fn with_room(work: impl FnOnce()) {
    let mut memory = SPARE.swap(null_mut(), Ordering::Acquire);
    if memory.is_null() {
        memory = kernel::map_anonymous(BYTES);
    }
    if memory.is_null() {
        return;
    }
    let mut work = Some(work);
    run(memory.wrapping_byte_add(BYTES), &mut work);
    let other = SPARE.swap(memory, Ordering::Release);
    if !other.is_null() {
        // SAFETY: our own mapping, on which nothing runs.
        unsafe { kernel::unmap(other, BYTES) };
    }
}

fn run<Work: FnOnce()>(top: *mut c_void, work: &mut Option<Work>) {
    unsafe extern "C" fn call<Work: FnOnce()>(work: *mut c_void) {
        // SAFETY: the pointer handed in below, to something that lives.
        let work = unsafe { &mut *work.cast::<Option<Work>>() };
        if let Some(work) = work.take() {
            work();
        }
    }
    // SAFETY: the end of unused memory, page-aligned; the function gets its own
    // argument back, and unwinds nowhere.
    unsafe { arch::call_on_stack(top, call::<Work>, (&raw mut *work).cast()) };
}
