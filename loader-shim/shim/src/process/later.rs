//! What came after the start, by the dynamic linker's own list: enough to say that
//! none of it defines a name, at a price that a program does not notice.
//!
//! `dl_iterate_phdr` shows every object, those of the start first, and finds out
//! where the thread-local storage of each is.
//!
//! # Safety
//!
//! What this module owes: an entry of the list is whole when it is added, and
//! nobody changes the list meanwhile. Entries of the start stay for good.

#![allow(unsafe_code, reason = "the dynamic linker's memory is read")]

use core::ffi::c_void;
use core::ptr::null_mut;
use core::sync::atomic::{AtomicPtr, Ordering};

use super::tables::Name;
use super::walk::{last_at_start, next_at_start};

/// Returns whether it is certain that nothing of what came later defines this name.
///
/// # Safety
///
/// Called while the list does not change: when `each_object` shows
/// something, or where there is one thread.
pub unsafe fn nothing_later_defines(name: Name) -> bool {
    let Some(last) = last_at_start() else {
        return false;
    };
    let mut next = last.next;
    // SAFETY: entries of the list, or null at its end.
    while let Some(map) = unsafe { next.as_ref() } {
        if map.may_define(name) {
            return false;
        }
        next = map.next;
    }
    true
}

/// Returns whether the program has one thread, which the caller is: the list does not
/// change while it is read. Not known before glibc 2.32, and then false.
pub fn is_single_threaded() -> bool {
    let mut variable = SINGLE.load(Ordering::Relaxed);
    if variable.is_null() {
        let found = next_at_start(Name::new(b"__libc_single_threaded"));
        variable = found.map_or((&raw const NO).cast_mut(), <*mut c_void>::cast);
        SINGLE.swap(variable, Ordering::AcqRel);
    }
    // SAFETY: `char __libc_single_threaded` of the libc, which stays loaded and writes to
    // it while there is one thread; or a constant.
    unsafe { variable.read_volatile() != 0 }
}

/// The libc's variable that says so, once it has been looked for.
static SINGLE: AtomicPtr<u8> = AtomicPtr::new(null_mut());
/// What it says where there is none.
static NO: u8 = 0;
