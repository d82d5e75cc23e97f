//! `sched_getcpu`, answered from the registered area.
//!
//! The libc answers from its own area only, so with its registration switched
//! off it would go through the vdso. The function itself is assembly (`arch`):
//! two loads and a branch.
//!
//! # Safety
//!
//! What this module owes: the libc's function is called with its own type.

#![allow(unsafe_code, reason = "a function of the libc is called")]

use core::ffi::{c_int, c_void};
use core::mem::transmute;
use core::sync::atomic::{AtomicPtr, Ordering};

use crate::kernel;
use crate::next::Next;
use crate::registration::{area, birth};

/// The libc's `sched_getcpu`.
pub static SCHED_GETCPU: Next =
    Next::eager(b"sched_getcpu", sched_getcpu_by_system_call as *mut c_void);

/// Where `sched_getcpu` goes when the area holds no CPU number.
pub static UNREGISTERED: AtomicPtr<c_void> =
    AtomicPtr::new(sched_getcpu_by_system_call as *mut c_void);

/// Settles what happens on threads that are not registered: where the shim
/// registers threads, they register now (threads of raw clone, the libc's own
/// helpers); elsewhere the libc answers.
pub fn enable(registers: bool) {
    let target = if registers {
        register_and_answer as *mut c_void
    } else {
        SCHED_GETCPU.current()
    };
    UNREGISTERED.store(target, Ordering::Relaxed);
}

/// From now on threads that are not registered are the libc's to answer.
pub fn leave_to_libc() {
    UNREGISTERED.store(SCHED_GETCPU.current(), Ordering::Relaxed);
}

extern "C" fn register_and_answer() -> c_int {
    birth::catch_up();
    let cpu = area::cpu_id() as c_int;
    if cpu >= 0 {
        return cpu;
    }
    // SAFETY: the libc's function of this type, or our own fallback.
    let libc =
        unsafe { transmute::<*mut c_void, extern "C" fn() -> c_int>(SCHED_GETCPU.current()) };
    libc()
}

/// Serves callers that come before the libc's function was found.
extern "C" fn sched_getcpu_by_system_call() -> c_int {
    let mut cpu = 0;
    // SAFETY: valid for the kernel's four bytes.
    let result = unsafe { kernel::getcpu(&raw mut cpu, core::ptr::null_mut()) };
    if result < 0 { -1 } else { cpu as c_int }
}
