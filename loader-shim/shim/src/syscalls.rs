//! `syscall(SYS_rseq, ...)`: clients that register themselves.
//!
//! TCMalloc and librseq go through the libc's `syscall`, so that is where a
//! client can be seen. A client that issues the instruction itself is not.
//!
//! # Safety
//!
//! What this module owes: what is not for the shim reaches the kernel as the caller
//! has handed it over.

#![allow(unsafe_code, reason = "names are exported")]

use core::ffi::c_long;

use tls_model::owner::{Answer, Owner, Reason};
use tls_model::rseq::{FLAG_UNREGISTER, ORIGINAL_ALIGN, ORIGINAL_LENGTH, Rseq};

use crate::errno::answer;
use crate::names::{area, cpu};
use crate::registration::{area as registered, nesting};
use crate::state::{self, Action};
use crate::{arch, kernel, loading, report};

/// Serves a client's `sys_rseq`, in the libc's way: -1 and errno.
///
/// The area that the shim has registered is counted, not registered again: the
/// kernel's answers are EBUSY, and 0 for giving back what was asked for. Another
/// area that the kernel would take makes the shim step back, unless the user has
/// said that the shim is to own it: ours goes first
/// and, if the client's is then granted, the client owns this thread and those
/// to come. Everything else is the kernel's to answer.
///
/// # Safety
///
/// As the system call.
pub unsafe extern "C" fn client_rseq(
    area: *mut Rseq,
    length: u32,
    flags: u32,
    signature: u32,
) -> c_long {
    if area == arch::abi_area() && (state::registers_threads() || nesting::is_held()) {
        match flags {
            0 | FLAG_UNREGISTER if signature != kernel::SIGNATURE => {
                return answer(-libc::EPERM as isize);
            }
            0 => return answer(enter_again()),
            FLAG_UNREGISTER => return answer(nesting::leave() as isize),
            _ => {}
        }
    }
    let is_registration = flags == 0
        && !area.is_null()
        && area.addr().is_multiple_of(ORIGINAL_ALIGN as usize)
        && length >= ORIGINAL_LENGTH;
    let mut stepped_back = false;
    let result = loop {
        // threads that were registered before the first client came, too
        let gave_way = is_registration
            && state::yields_to_clients()
            && nesting::is_held()
            && registered::unregister();
        stepped_back |= gave_way;
        // SAFETY: the client answers for its area.
        let result = unsafe { kernel::rseq(area, length, flags, signature) };
        // a signal handler may have registered ours again in between
        if !gave_way || result != -libc::EINVAL as isize || !registered::is_registered() {
            break result;
        }
    };
    if is_registration {
        report::client_call(result);
        if result == 0 {
            loading::client_registered(area.addr());
        }
    }
    if stepped_back {
        report::taken_back();
        if result == 0 {
            nesting::forget();
            give_way_to_client();
        } else if registered::now() == Answer::Granted {
            report::registered();
        }
    }
    answer(result)
}

/// Gives way to a client that has registered an area of its own after all: from now on
/// it owns the registration, and new threads are left to it.
///
/// Called in the middle of a client's system call: nothing here may wait.
fn give_way_to_client() {
    cpu::leave_to_libc();
    area::withdraw();
    state::set(Owner::Client, Action::Watch, Reason::AnotherAreaRegistered);
}

/// Counts one more registration of the shared area; returns EBUSY where it is there already,
/// as the kernel has it.
fn enter_again() -> isize {
    let was_registered = registered::is_registered();
    match nesting::enter() {
        0 if was_registered => -libc::EBUSY as isize,
        result => result as isize,
    }
}
