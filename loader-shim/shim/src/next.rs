//! The functions behind the names that the shim interposes: what the next
//! object in load order defines, as `dlsym(RTLD_NEXT)` would answer.
//!
//! Names that are called from signal handlers or from inside an allocator are
//! found at start-up, all in one walk; the rest when they are first called (on
//! glibc before 2.34 their libraries may come with a dlopen).
//!
//! # Safety
//!
//! What this module owes: an address that is found under a name is that of the next
//! definition, which stays loaded.

#![allow(unsafe_code, reason = "addresses become functions")]

use core::ffi::{CStr, c_char, c_void};
use core::mem::transmute;
use core::ptr::{NonNull, null_mut};
use core::sync::atomic::{AtomicPtr, Ordering};

use libc::RTLD_NEXT;

use crate::arch;
use crate::errno::KeepErrno;
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

    /// What is behind the name, looked for now if need be: in the objects' tables
    /// and, should they not be as expected, by dlsym(3). The fallback if there is
    /// nothing.
    pub fn address(&self) -> *mut c_void {
        if !self.is_found() {
            resolve(&[self]);
            if !self.is_found()
                && let Some(address) = ask_libc(self.name.text)
            {
                self.address.store(address, Ordering::Relaxed);
            }
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

/// One version of a name behind the shim; `None` if nobody defines it.
pub fn next_version(name: Name, version: Name) -> Option<*mut c_void> {
    let mut found = None;
    process::each_next_object(|object| {
        found = object.address_of_version(name, version);
        found.is_some()
    });
    found
}

/// What the libc's own dlsym(3) says is behind a name. dlvsym(3) leads to it:
/// the shim does not interpose that.
#[cold]
fn ask_libc(name: &[u8]) -> Option<*mut c_void> {
    type Dlsym = unsafe extern "C" fn(*mut c_void, *const c_char) -> *mut c_void;
    type Dlvsym = unsafe extern "C" fn(*mut c_void, *const c_char, *const c_char) -> *mut c_void;

    let mut text = [0; 64];
    text.get_mut(..name.len())?.copy_from_slice(name);
    let name = CStr::from_bytes_until_nul(&text).ok()?;
    let _errno = KeepErrno::new();
    let by_version = NonNull::new(arch::dlvsym())?;
    // SAFETY: the libc's function of this type.
    let by_version = unsafe { transmute::<NonNull<c_void>, Dlvsym>(by_version) };
    // SAFETY: C strings; by the return address the shim is the caller.
    let dlsym = unsafe { by_version(RTLD_NEXT, c"dlsym".as_ptr(), c"GLIBC_2.2.5".as_ptr()) };
    // SAFETY: likewise.
    let dlsym = unsafe { transmute::<NonNull<c_void>, Dlsym>(NonNull::new(dlsym)?) };
    // SAFETY: likewise.
    let found = unsafe { dlsym(RTLD_NEXT, name.as_ptr()) };
    (!found.is_null()).then_some(found)
}
