//! Jobs that differ in their arguments.

use std::ffi::c_void;
use std::ptr::without_provenance_mut;

use crate::slab::{Job, StartRoutine};

unsafe extern "C" fn nothing(argument: *mut c_void) -> *mut c_void {
    argument
}

unsafe extern "C" fn something(argument: *mut c_void) -> *mut c_void {
    argument.wrapping_byte_add(1)
}

/// Made a pointer once: elsewhere it may have another address.
static NOTHING: StartRoutine = nothing;
static SOMETHING: StartRoutine = something;

pub fn job(number: usize) -> Job {
    Job {
        start: NOTHING,
        argument: without_provenance_mut(number),
    }
}

pub fn with_another_function(number: usize) -> Job {
    Job {
        start: SOMETHING,
        ..job(number)
    }
}
