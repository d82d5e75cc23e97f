//! What the program was started with: arguments, environment, auxiliary vector.
//!
//! Used by the constructor only, on the main thread.
//!
//! # Safety
//!
//! What this module owes: it follows the initial stack as the psABI lays it out,
//! before the program can have changed it.

#![allow(unsafe_code, reason = "the initial stack is read")]

use core::ffi::{CStr, c_char, c_int};
use core::ptr::{null, null_mut};
use core::sync::atomic::{AtomicPtr, Ordering};

use super::tables::{Name, begins_with};
use super::walk;

/// What the kernel handed to the program: arguments, environment, auxiliary
/// vector (x86-64 psABI, "Initial Stack and Register State").
pub struct Process {
    name: *const c_char,
    environment: *const *const c_char,
    auxiliary: *const [usize; 2],
}

static ARGUMENTS: AtomicPtr<*const c_char> = AtomicPtr::new(null_mut());
static ENVIRONMENT: AtomicPtr<*const c_char> = AtomicPtr::new(null_mut());

/// glibc hands (argc, argv, envp) to every constructor. `environ` is not set
/// yet when those of DF_1_INITFIRST run, and the initial stack itself may have
/// been overwritten (`ld.so OPTIONS PROGRAM` before glibc 2.35).
#[used]
#[unsafe(link_section = ".init_array.00001")]
static REMEMBER: unsafe extern "C" fn(c_int, *mut *const c_char, *mut *const c_char) = remember;

unsafe extern "C" fn remember(
    _count: c_int,
    arguments: *mut *const c_char,
    environment: *mut *const c_char,
) {
    ARGUMENTS.store(arguments, Ordering::Relaxed);
    ENVIRONMENT.store(environment, Ordering::Relaxed);
}

/// Whether [`Process::read`] has something to read: the constructor has been given
/// it or, before that, the dynamic linker has it.
pub fn is_told() -> bool {
    if ARGUMENTS.load(Ordering::Relaxed).is_null() {
        ask_dynamic_linker();
    }
    !ARGUMENTS.load(Ordering::Relaxed).is_null()
}

/// For those who come before our constructor: constructors of a library that is
/// DF_1_INITFIRST as well.
#[cold]
fn ask_dynamic_linker() {
    let [Some(variable)] = walk::of_dynamic_linker([Name::new(b"_dl_argv")]) else {
        return;
    };
    // SAFETY: `char **`, set before anything is relocated.
    let arguments = unsafe { variable.cast::<*mut *const c_char>().read() };
    if arguments.is_null() {
        return;
    }
    let mut end = arguments;
    // SAFETY: pointers up to a null, behind which the environment begins (psABI).
    while !unsafe { *end }.is_null() {
        end = end.wrapping_add(1);
    }
    ENVIRONMENT.store(end.wrapping_add(1), Ordering::Relaxed);
    ARGUMENTS.store(arguments, Ordering::Relaxed);
}

impl Process {
    /// What the constructor was given; nothing before that.
    pub fn read() -> Self {
        let arguments = ARGUMENTS.load(Ordering::Relaxed);
        let environment = ENVIRONMENT.load(Ordering::Relaxed);
        if arguments.is_null() || environment.is_null() {
            return Self {
                name: null(),
                environment: null(),
                auxiliary: null(),
            };
        }
        let mut end = environment;
        // SAFETY: pointers up to a null.
        while !unsafe { *end }.is_null() {
            end = end.wrapping_add(1);
        }
        Self {
            // SAFETY: null-terminated, so there is a first entry.
            name: unsafe { *arguments },
            environment,
            // the kernel puts it behind the environment
            auxiliary: end.wrapping_add(1).cast(),
        }
    }

    /// The first argument.
    pub fn name(&self) -> Option<&'static CStr> {
        if self.name.is_null() {
            return None;
        }
        // SAFETY: a C string of the initial stack.
        Some(unsafe { CStr::from_ptr(self.name) })
    }

    /// Calls `visit` with every `NAME=value` that begins with `prefix`.
    pub fn each_variable(&self, prefix: &[u8], mut visit: impl FnMut(&'static CStr)) {
        let mut next = self.environment;
        while !next.is_null() {
            // SAFETY: inside the null-terminated list.
            let variable = unsafe { *next };
            if variable.is_null() {
                return;
            }
            // SAFETY: the kernel put a C string there, which nobody has
            // changed before constructors run.
            if unsafe { begins_with(variable, prefix) } {
                // SAFETY: likewise.
                visit(unsafe { CStr::from_ptr(variable) });
            }
            next = next.wrapping_add(1);
        }
    }

    /// A value of the auxiliary vector.
    pub fn auxiliary(&self, key: u64) -> Option<u64> {
        let mut next = self.auxiliary;
        while !next.is_null() {
            // SAFETY: inside the list, which ends with AT_NULL.
            let [found, value] = unsafe { *next };
            if found as u64 == key {
                return Some(value as u64);
            }
            if found as u64 == libc::AT_NULL {
                return None;
            }
            next = next.wrapping_add(1);
        }
        None
    }

    /// The process runs with privileges that its caller does not have
    /// (AT_SECURE), or we cannot tell.
    pub fn is_secure(&self) -> bool {
        self.auxiliary(libc::AT_SECURE) != Some(0)
    }
}
