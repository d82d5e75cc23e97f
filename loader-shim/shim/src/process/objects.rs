//! The loaded objects of the program's namespace, one after another.
//!
//! # Safety
//!
//! What this module owes: a closure is called while it lives, with an object that
//! stays loaded meanwhile.

#![allow(unsafe_code, reason = "closures go through the libc")]

use core::ffi::{c_int, c_void};

use libc::{dl_phdr_info, size_t};

use super::loaded::Loaded;
use super::tables::{Name, Tables};
use super::walk::libc_walk;

/// Shows every object of the global namespace in load order until `visit`
/// returns true.
pub fn each_object<Visit: FnMut(&Loaded<'_>) -> bool>(mut visit: Visit) {
    unsafe extern "C" fn callback<Visit: FnMut(&Loaded<'_>) -> bool>(
        info: *mut dl_phdr_info,
        _size: size_t,
        data: *mut c_void,
    ) -> c_int {
        // SAFETY: valid for the time of the call (dl_iterate_phdr(3)).
        let info = unsafe { &*info };
        let loaded = Loaded { info };
        // SAFETY: the pointer handed in below, to a live closure.
        let visit = unsafe { &mut *data.cast::<Visit>() };
        c_int::from(visit(&loaded))
    }
    if let Some(walk) = libc_walk() {
        // SAFETY: the callback gets its own closure back, while it lives.
        unsafe { walk(callback::<Visit>, (&raw mut visit).cast()) };
    }
}

/// Shows every object behind the shim in load order until `visit` returns true.
pub fn each_next_object<Visit: FnMut(&Loaded<'_>) -> bool>(mut visit: Visit) {
    let mut passed_ourselves = false;
    each_object(|object| {
        if passed_ourselves {
            return visit(object);
        }
        passed_ourselves = object.is_the_shim();
        false
    });
}

/// Returns what the first object behind the shim defines under a name (in its default
/// version).
pub fn next_definition(name: Name) -> Option<*mut c_void> {
    let mut found = None;
    each_next_object(|object| {
        found = object.address_of(Tables::of(object).as_ref(), name);
        found.is_some()
    });
    found
}
