//! The functions behind the names that the shim interposes: what the next
//! object in load order defines, as `dlsym(RTLD_NEXT)` would answer.
//!
//! Names that are called from signal handlers or from inside an allocator are
//! found at start-up, all in one walk; the rest when they are first called (on
//! glibc before 2.34 their libraries may come with a dlopen).

use core::ffi::c_void;
use core::ptr::null_mut;
use core::sync::atomic::{AtomicPtr, Ordering};

use crate::process::{self, Name, Tables};

/// One name, and what is behind it.
#[repr(C)]
pub struct Next {
    /// First, for assembly that jumps through it.
    address: AtomicPtr<c_void>,
    name: Name,
    /// Serves callers that come before the name was found.
    fallback: *mut c_void,
}

// SAFETY: the fallback is a function's address, never written to.
unsafe impl Sync for Next {}

impl Next {
    /// A name that is found at its first call.
    pub const fn lazy(name: &'static [u8]) -> Self {
        Self {
            address: AtomicPtr::new(null_mut()),
            name: Name::new(name),
            fallback: null_mut(),
        }
    }

    /// A name that is found at start-up; assembly may jump through it at any
    /// time.
    pub const fn eager(name: &'static [u8], fallback: *mut c_void) -> Self {
        Self {
            address: AtomicPtr::new(fallback),
            name: Name::new(name),
            fallback,
        }
    }

    /// What is behind the name, looked for now if need be; the fallback if
    /// there is nothing.
    pub fn address(&self) -> *mut c_void {
        if !self.is_found() {
            resolve(&[self]);
        }
        self.current()
    }

    fn is_found(&self) -> bool {
        self.current() != self.fallback
    }

    /// What is known by now: the function, or the fallback.
    pub fn current(&self) -> *mut c_void {
        self.address.load(Ordering::Relaxed)
    }
}

/// Finds those of the names that are not found yet.
pub fn resolve(names: &[&Next]) {
    process::each_next_object(|object| {
        let tables = Tables::of(object);
        let mut missing = false;
        for next in names.iter().filter(|next| !next.is_found()) {
            match object.address_of(tables.as_ref(), next.name) {
                Some(address) => next.address.store(address, Ordering::Relaxed),
                None => missing = true,
            }
        }
        !missing
    });
}
