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

use super::tables::Name;
use super::walk::last_at_start;

/// Whether it is certain that nothing of what came later defines this name.
///
/// # Safety
///
/// Called while the list does not change: when `each_object` shows
/// something.
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

/// Whether it is certain that nothing that `handle` holds came later and defines this
/// name: it is the first that came, and nothing has come after it, or nothing came at
/// all. Said without a lock, whoever changes the list meanwhile.
///
/// # Safety
///
/// If `handle` is a link map, its object is not unloaded meanwhile.
pub unsafe fn holds_nothing_later_that_defines(handle: *mut c_void, name: Name) -> bool {
    let Some(last) = last_at_start() else {
        return false;
    };
    let first = last.next;
    if first.is_null() {
        return true;
    }
    // what it needs and did not find came right after it, and stays as long as it
    if !core::ptr::eq(first.cast(), handle.cast_const()) {
        return false;
    }
    // SAFETY: an entry of the list, by the address: the caller's promise.
    let map = unsafe { &*first };
    map.next.is_null() && !map.may_define(name)
}
