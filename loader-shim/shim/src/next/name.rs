//! One name, and what is behind it.
//!
//! It is found when it is first needed: among the objects that the program started
//! with by reading memory alone, with no lock and nothing called, so also in a signal
//! handler or inside an allocator. Where none of those has it (before glibc 2.34 a
//! library may come with a dlopen) the dynamic linker's list is walked.
//!
//! # Safety
//!
//! What this module owes: an address that is found under a name is that of the next
//! definition, which stays loaded, and is called by the type that `names` says.

#![allow(unsafe_code, reason = "addresses become functions")]

use core::ffi::{CStr, c_char, c_void};
use core::ptr::NonNull;

use libc::RTLD_NEXT;

use crate::arch;
use crate::errno::KeepErrno;
use crate::function::{FoundFunction, Function};
use crate::process::{self, Name};

/// One name, and what is behind it.
pub struct Next<F> {
    function: FoundFunction<F>,
    name: Name,
}

impl<F: Function> Next<F> {
    /// Returns a name of the table `names`, which answers for the type.
    pub(super) const fn new(name: &'static [u8]) -> Self {
        Self {
            function: FoundFunction::none(),
            name: Name::new(name),
        }
    }

    /// Returns the function behind the name, looked for now if need be; `None` if nobody
    /// defines it.
    #[inline]
    pub fn get(&self) -> Option<F> {
        self.known().or_else(|| self.look())
    }

    /// Returns the function, if it has been found by now.
    #[inline]
    pub fn known(&self) -> Option<F> {
        self.function.get()
    }

    /// Returns the function in one of its versions; `None` if nobody behind the shim defines
    /// it.
    pub fn in_version(&self, version: Name) -> Option<F> {
        let mut found = None;
        process::each_next_object(|object| {
            found = object.address_of_version(self.name, version);
            found.is_some()
        });
        // SAFETY: as in `look`.
        found
            .and_then(NonNull::new)
            .map(|address| unsafe { F::at(address) })
    }

    #[cold]
    #[inline(never)]
    fn look(&self) -> Option<F> {
        // SAFETY: the next definition of the name, whose type the table says.
        unsafe { self.function.set(find(self.name)?) };
        self.known()
    }
}

/// A name whose function assembly jumps to.
#[repr(C)]
pub struct Jump<F> {
    /// First: where it jumps to.
    to: FoundFunction<F>,
    next: Next<F>,
}

impl<F: Function> Jump<F> {
    /// Returns a name of the table `names`; until its function is found the jump goes to
    /// `late`.
    ///
    /// # Safety
    ///
    /// `late` takes the same arguments.
    pub(super) const unsafe fn new(name: &'static [u8], late: *mut c_void) -> Self {
        Self {
            // SAFETY: the caller's promise.
            to: unsafe { FoundFunction::at_first(late) },
            next: Next::new(name),
        }
    }

    /// Returns the function behind the name, looked for now if need be; `None` if nobody
    /// defines it.
    pub fn get(&self) -> Option<F> {
        let function = self.next.get()?;
        // SAFETY: of this type.
        unsafe { self.to.set(function.address()) };
        Some(function)
    }
}

/// Returns what the next object defines under a name: in the objects' tables and, should they
/// not be as expected, by dlsym(3).
fn find(name: Name) -> Option<*mut c_void> {
    process::next_at_start(name)
        .or_else(|| process::next_definition(name))
        .or_else(|| ask_libc(name.text))
}

/// Returns what the libc's own dlsym(3) says is behind a name. dlvsym(3) leads to it:
/// the shim does not interpose that.
#[cold]
fn ask_libc(name: &[u8]) -> Option<*mut c_void> {
    type Dlsym = unsafe extern "C" fn(*mut c_void, *const c_char) -> *mut c_void;
    type Dlvsym = unsafe extern "C" fn(*mut c_void, *const c_char, *const c_char) -> *mut c_void;

    let by_version = NonNull::new(arch::dlvsym())?;
    let mut text = [0; 64];
    text.get_mut(..name.len())?.copy_from_slice(name);
    let name = CStr::from_bytes_until_nul(&text).ok()?;
    let _errno = KeepErrno::new();
    // SAFETY: the libc's function of this type.
    let by_version = unsafe { Dlvsym::at(by_version) };
    // SAFETY: C strings; by the return address the shim is the caller.
    let dlsym = unsafe { by_version(RTLD_NEXT, c"dlsym".as_ptr(), arch::FIRST_VERSION.as_ptr()) };
    // SAFETY: the libc's function of this type.
    let dlsym = unsafe { Dlsym::at(NonNull::new(dlsym)?) };
    // SAFETY: as above.
    let found = unsafe { dlsym(RTLD_NEXT, name.as_ptr()) };
    (!found.is_null()).then_some(found)
}
