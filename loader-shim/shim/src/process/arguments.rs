//! What the program was started with: arguments, environment, auxiliary vector.
//!
//! Used by the constructor only, on the main thread.
//!
//! # Safety
//!
//! What this module owes: it follows the initial stack as the psABI lays it out,
//! before the program can have changed it.

#![allow(unsafe_code, reason = "the initial stack is read")]

use core::ffi::{CStr, c_char, c_int, c_void};
use core::ptr::{
    copy, null, null_mut, with_exposed_provenance, with_exposed_provenance_mut, write_bytes,
};
use core::sync::atomic::{AtomicPtr, Ordering};

use tls_model::rseq::AT_RSEQ_FEATURE_SIZE;

use super::tables::{Name, begins_with};
use super::walk;
use crate::{arch, kernel};

/// What the kernel handed to the program: arguments, environment, auxiliary
/// vector (x86-64 psABI, "Initial Stack and Register State").
pub struct Process {
    arguments: *const *const c_char,
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

/// Remembers what a program was started with.
///
/// # Safety
///
/// What the libc hands to constructors.
pub unsafe extern "C" fn remember(
    _count: c_int,
    arguments: *mut *const c_char,
    environment: *mut *const c_char,
) {
    ARGUMENTS.store(arguments, Ordering::Relaxed);
    ENVIRONMENT.store(environment, Ordering::Relaxed);
}

/// Returns whether [`Process::read`] has something to read: the constructor has been given
/// it or, before that, the dynamic linker has it.
pub fn is_told() -> bool {
    if ARGUMENTS.load(Ordering::Relaxed).is_null() {
        ask_dynamic_linker();
    }
    !ARGUMENTS.load(Ordering::Relaxed).is_null()
}

/// Asks the dynamic linker, for those who come before our constructor: constructors of a
/// library that is DF_1_INITFIRST as well.
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

/// Returns whether the libc's constructor has run, and with it, maybe, others: the shim was
/// loaded by a program that runs, or was not the first.
pub fn has_constructed() -> bool {
    // SAFETY: `char **environ`, wherever the dynamic linker has bound it; or null.
    let environment = unsafe { arch::environment().cast::<*const c_void>().as_ref() };
    environment.is_none_or(|environment| !environment.is_null())
}

impl Process {
    /// Returns what the constructor was given; nothing before that.
    pub fn read() -> Self {
        let arguments = ARGUMENTS.load(Ordering::Relaxed);
        let environment = ENVIRONMENT.load(Ordering::Relaxed);
        if arguments.is_null() || environment.is_null() {
            return Self {
                arguments: null(),
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
            arguments,
            environment,
            // the kernel puts it behind the environment
            auxiliary: end.wrapping_add(1).cast(),
        }
    }

    /// Returns the first argument.
    pub fn name(&self) -> Option<&'static CStr> {
        // SAFETY: null-terminated, so there is a first entry.
        let name = unsafe { self.arguments.as_ref() }?;
        if name.is_null() {
            return None;
        }
        // SAFETY: a C string of the initial stack.
        Some(unsafe { CStr::from_ptr(*name) })
    }

    /// Returns the arguments: C strings up to a null.
    pub fn arguments(&self) -> *const *const c_char {
        self.arguments
    }

    /// Returns the name of the file that the kernel was told to execute: a program, or a
    /// script.
    pub fn executed(&self) -> Option<&'static CStr> {
        let name: *const c_char =
            with_exposed_provenance(self.auxiliary(libc::AT_EXECFN)? as usize);
        // SAFETY: a C string that the kernel has put on the initial stack, or null.
        (!name.is_null()).then(|| unsafe { CStr::from_ptr(name) })
    }

    /// Returns how many variables there are.
    pub fn variables(&self) -> usize {
        let mut count = 0;
        self.each_variable(b"", |_| count += 1);
        count
    }

    /// Returns the first variable of a name, with its name.
    pub fn variable(&self, name: &[u8]) -> Option<&'static CStr> {
        let mut found = None;
        self.each_variable(name, |variable| {
            if found.is_none() && variable.to_bytes().get(name.len()) == Some(&b'=') {
                found = Some(variable);
            }
        });
        found
    }

    /// Takes the bytes from one place to another out of the first variable of a
    /// name, as `choose` says.
    pub fn edit(&self, name: &[u8], choose: impl Fn(&[u8]) -> Option<(usize, usize)>) {
        let Some(variable) = self.variable(name) else {
            return;
        };
        let original = self.original(name, variable);
        for variable in [Some(variable), original].into_iter().flatten() {
            let bytes = variable.to_bytes_with_nul();
            let (start, length) = (bytes.as_ptr().expose_provenance(), bytes.len());
            if let Some((from, to)) = choose(variable.to_bytes()) {
                take_out(start, length, from, to);
            }
        }
    }

    /// Returns what the kernel has put on the stack for a variable, where the dynamic
    /// linker has a copy in its place (`GLIBC_TUNABLES`, before glibc 2.39): /proc shows
    /// it still. The strings follow each other there, the arguments first.
    fn original(&self, name: &[u8], variable: &CStr) -> Option<&'static CStr> {
        let first = self.name()?.as_ptr().expose_provenance();
        let end = self.executed()?.as_ptr().expose_provenance();
        let mut before = self.last_argument()?;
        let mut found = false;
        self.each_variable(b"", |it| {
            found |= it.as_ptr() == variable.as_ptr();
            if !found {
                before = it;
            }
        });
        let place = before.as_ptr().expose_provenance() + before.to_bytes_with_nul().len();
        if !found
            || place == variable.as_ptr().expose_provenance()
            || !(first..end).contains(&place)
        {
            return None;
        }
        // SAFETY: between the first string that the kernel has put there and the last.
        let original = unsafe { CStr::from_ptr(with_exposed_provenance(place)) };
        let rest = original.to_bytes().strip_prefix(name)?;
        rest.starts_with(b"=").then_some(original)
    }

    fn last_argument(&self) -> Option<&'static CStr> {
        let mut last = None;
        let mut next = self.arguments;
        // SAFETY: pointers up to a null.
        while let Some(argument) = unsafe { next.as_ref() }.filter(|it| !it.is_null()) {
            // SAFETY: a C string of the initial stack.
            last = Some(unsafe { CStr::from_ptr(*argument) });
            next = next.wrapping_add(1);
        }
        last
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

    /// Returns a value of the auxiliary vector.
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

    /// Returns how many bytes of an area the kernel fills (AT_RSEQ_FEATURE_SIZE, Linux
    /// 6.3), if it says so.
    pub fn feature_size(&self) -> Option<u32> {
        let size = self.auxiliary(AT_RSEQ_FEATURE_SIZE)?;
        u32::try_from(size).ok()
    }

    /// Tells the rest of the shim how long a page is, and what the processor can do.
    pub fn tell_machine(&self) {
        if let Some(bytes) = self.auxiliary(libc::AT_PAGESZ) {
            kernel::set_page(bytes as usize);
        }
        arch::set_capabilities(
            [libc::AT_HWCAP, libc::AT_HWCAP2].map(|key| self.auxiliary(key).unwrap_or(0) as usize),
        );
    }

    /// Returns whether the process runs with privileges that its caller does not have
    /// (AT_SECURE), or that cannot be told.
    pub fn is_secure(&self) -> bool {
        self.auxiliary(libc::AT_SECURE) != Some(0)
    }
}

/// Takes the bytes from one place to another out of the string at this address, in its
/// place. No reference to it is used any more.
fn take_out(start: usize, length: usize, from: usize, to: usize) {
    if from > to || to >= length {
        return;
    }
    let start: *mut u8 = with_exposed_provenance_mut(start);
    // SAFETY: inside the string, which lies on the initial stack or is the dynamic
    // linker's copy; what has been read of it is used no more.
    unsafe {
        copy(
            start.wrapping_add(to),
            start.wrapping_add(from),
            length - to,
        );
    };
    // SAFETY: likewise; what stood there is gone for /proc as well.
    unsafe { write_bytes(start.wrapping_add(from + length - to), 0, to - from) };
}
