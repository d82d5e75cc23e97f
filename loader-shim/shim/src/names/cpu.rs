//! `sched_getcpu`, served from the registered area.
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

use crate::function::{FoundFunction, Function as _};
use crate::kernel;
use crate::next::names::{SCHED_GETCPU, SchedGetcpu};
use crate::registration::{area, birth};
use crate::state;

/// Where `sched_getcpu` goes when the area holds no CPU number; [`first`] before
/// anything is settled.
// SAFETY: of this type.
pub static UNREGISTERED: FoundFunction<SchedGetcpu> =
    unsafe { FoundFunction::at_first(first as *mut c_void) };

/// Settles what happens on threads that are not registered: where the shim
/// registers threads, they register now (threads of raw clone, the libc's own
/// helpers); elsewhere the libc answers.
pub fn enable(registers: bool) {
    if registers {
        set(register_and_answer);
    }
}

/// Leaves threads that are not registered to the libc from now on.
pub fn leave_to_libc() {
    set(first);
}

fn set(function: SchedGetcpu) {
    // SAFETY: of this type.
    unsafe { UNREGISTERED.set(function.address()) };
}

/// Finds what answers from now on.
unsafe extern "C" fn first() -> c_int {
    let next = SCHED_GETCPU.get().unwrap_or(sched_getcpu_by_system_call);
    if state::is_decided() && !state::registers_threads() {
        set(next);
    }
    // SAFETY: no arguments.
    unsafe { next() }
}

unsafe extern "C" fn register_and_answer() -> c_int {
    birth::catch_up();
    let cpu = area::cpu_id() as c_int;
    if cpu >= 0 {
        return cpu;
    }
    let next = SCHED_GETCPU.get().unwrap_or(sched_getcpu_by_system_call);
    // SAFETY: no arguments.
    unsafe { next() }
}

/// Serves callers where the libc has no such function.
unsafe extern "C" fn sched_getcpu_by_system_call() -> c_int {
    let mut cpu = 0;
    // SAFETY: valid for the kernel's four bytes.
    let result = unsafe { kernel::getcpu(&raw mut cpu, core::ptr::null_mut()) };
    if result < 0 { -1 } else { cpu as c_int }
}
