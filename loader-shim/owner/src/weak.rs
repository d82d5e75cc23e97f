//! The libc's names that may be absent: a program is static or dynamic, and linked
//! with `--wrap` or without.
//!
//! # Safety
//!
//! What this module owes: each name has one type in every glibc, which its function
//! says.

#![allow(unsafe_code, reason = "names are referred to")]

use core::ffi::{CStr, c_char, c_void};
use core::mem::transmute;
use core::ptr::NonNull;

use crate::arch::weak_reference;
use crate::next::names::PthreadCreate;

type Dlsym = unsafe extern "C" fn(*mut c_void, *const c_char) -> *mut c_void;

/// Returns the address of a name, unless nobody defines it.
macro_rules! weak_address {
    ($name:literal) => {
        NonNull::<c_void>::new(weak_reference!($name))
    };
}

/// Returns the libc's own `pthread_create` in a static program: behind `--wrap`, or where
/// there is none.
pub fn create_of_static_libc() -> Option<PthreadCreate> {
    let found =
        weak_address!("__real___pthread_create").or_else(|| weak_address!("__pthread_create"));
    // SAFETY: glibc's internal name of pthread_create(3).
    found.map(|address| unsafe { transmute::<NonNull<c_void>, PthreadCreate>(address) })
}

/// Returns what is defined under a name in the global scope, or behind the program
/// (RTLD_NEXT), of a dynamic program.
fn by_name(scope: *mut c_void, name: &CStr) -> Option<NonNull<c_void>> {
    let dlsym = weak_address!("dlsym")?;
    // SAFETY: dlsym(3).
    let dlsym = unsafe { transmute::<NonNull<c_void>, Dlsym>(dlsym) };
    // SAFETY: a C string.
    NonNull::new(unsafe { dlsym(scope, name.as_ptr()) })
}

/// Returns `pthread_create` behind the program's own, in a dynamic program.
pub fn next_create() -> Option<PthreadCreate> {
    // SAFETY: pthread_create(3).
    by_name(libc::RTLD_NEXT, c"pthread_create")
        .map(|address| unsafe { transmute::<NonNull<c_void>, PthreadCreate>(address) })
}

/// Returns glibc's own `__rseq_offset` and `__rseq_size`, where they may be written to: not in
/// a static program, whose variables are found by no table; nor from glibc 2.41 on (it
/// brought `sched_setattr`), which reads them itself to register each new thread, and
/// ends the process where that fails.
pub fn libc_variables_to_write() -> Option<(*mut isize, *mut u32)> {
    let scope = libc::RTLD_DEFAULT;
    if create_of_static_libc().is_some() || by_name(scope, c"sched_setattr").is_some() {
        return None;
    }
    Some((
        by_name(scope, c"__rseq_offset")?.cast().as_ptr(),
        by_name(scope, c"__rseq_size")?.cast().as_ptr(),
    ))
}

/// Returns `__rseq_offset` and `__rseq_size` of glibc 2.35 and later. In a dynamic program they
/// are the dynamic linker's, which some linkers do not look into for weak references:
/// then they are asked for by name.
pub fn libc_area() -> Option<(isize, u32)> {
    let offset = weak_address!("__rseq_offset")
        .or_else(|| by_name(libc::RTLD_DEFAULT, c"__rseq_offset"))?
        .cast::<isize>();
    let size = weak_address!("__rseq_size")
        .or_else(|| by_name(libc::RTLD_DEFAULT, c"__rseq_size"))?
        .cast::<u32>();
    // SAFETY: `const ptrdiff_t` (glibc manual, "Restartable Sequences").
    let offset = unsafe { offset.read() };
    // SAFETY: `const unsigned int`, likewise.
    Some((offset, unsafe { size.read() }))
}
