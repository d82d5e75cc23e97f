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

use core::ptr::{null_mut, with_exposed_provenance};
use core::sync::atomic::{AtomicPtr, Ordering};

use goblin::elf::dynamic::{DT_GNU_HASH, DT_NULL};

use super::section::relocated;
use super::tables::{Name, passes_filter};
use super::walk::{LinkMap, maps};

static LAST_AT_START: AtomicPtr<LinkMap> = AtomicPtr::new(null_mut());

/// Remembers what the program started with. Called from the constructor, when
/// nobody changes the list.
pub fn remember_start() {
    let last = maps().last();
    let last = last.map_or(null_mut(), |map| (&raw const *map).cast_mut());
    LAST_AT_START.store(last, Ordering::Relaxed);
}

/// Whether it is certain that nothing of what came later defines this name.
///
/// # Safety
///
/// Called while the list does not change: when `each_object` shows
/// something.
pub unsafe fn nothing_later_defines(name: Name) -> bool {
    // SAFETY: an entry of the start, or null.
    let Some(last) = (unsafe { LAST_AT_START.load(Ordering::Relaxed).as_ref() }) else {
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

impl LinkMap {
    /// Without DT_GNU_HASH it may; with it the table's filter says.
    fn may_define(&self, name: Name) -> bool {
        let mut next: *const [u64; 2] = self.dynamic.cast();
        while !next.is_null() {
            // SAFETY: inside the dynamic section, which ends with DT_NULL.
            let [tag, value] = unsafe { *next };
            match tag {
                DT_NULL => return true,
                DT_GNU_HASH => {
                    let place = relocated(value, self.base as u64);
                    // SAFETY: the table of a loaded object.
                    return unsafe { passes_filter(with_exposed_provenance(place), name) };
                }
                _ => next = next.wrapping_add(1),
            }
        }
        true
    }
}
