//! Names of the running process, asked of its dynamic linker.
//!
//! # Safety
//!
//! Names are C strings that live as long as the call; what is read through an
//! address that the dynamic linker gave has the type that glibc documents for
//! that name.
#![allow(unsafe_code, reason = "see Safety above")]

use std::ffi::{CStr, c_void};

use tls_model::rseq::ORIGINAL_LENGTH;

/// Returns the address of a symbol of the global scope; for a thread-local symbol, the
/// calling thread's copy.
#[must_use]
pub fn address_of(name: &CStr) -> Option<u64> {
    // SAFETY: a C string; dlsym changes nothing that we use.
    let address: *mut c_void = unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr()) };
    (!address.is_null()).then(|| address.expose_provenance() as u64)
}

/// The area that glibc (2.35 and later) keeps for the calling thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LibcArea {
    /// The thread pointer plus `__rseq_offset`.
    pub address: u64,
    /// `__rseq_offset`.
    pub offset: i64,
    /// `__rseq_size`: 0 where glibc has not registered it.
    pub size: u32,
    /// The length in bytes that it is registered with.
    pub length: u32,
}

/// Returns glibc's area, where the libc has one.
#[must_use]
pub fn libc_area() -> Option<LibcArea> {
    let offset = address_of(c"__rseq_offset")?;
    let offset: *const isize = std::ptr::with_exposed_provenance(offset as usize);
    // SAFETY: `const ptrdiff_t __rseq_offset` (glibc manual, "Restartable
    // Sequences").
    let offset = unsafe { offset.read() } as i64;
    let size = address_of(c"__rseq_size")?;
    let size: *const u32 = std::ptr::with_exposed_provenance(size as usize);
    // SAFETY: `const unsigned int __rseq_size` (likewise).
    let size = unsafe { size.read() };
    Some(LibcArea {
        address: super::pointer::thread_pointer().wrapping_add_signed(offset),
        offset,
        size,
        length: size.max(ORIGINAL_LENGTH),
    })
}

/// Returns whether the libc that we run on owns `__rseq_abi`: its libc.so defines it.
#[must_use]
pub fn libc_owns_symbol() -> bool {
    // SAFETY: a C string, and no code is loaded.
    let libc = unsafe { libc::dlopen(c"libc.so.6".as_ptr(), libc::RTLD_LAZY | libc::RTLD_NOLOAD) };
    if libc.is_null() {
        return false;
    }
    // SAFETY: a handle that dlopen gave, and a C string.
    let found = unsafe { libc::dlsym(libc, c"__rseq_abi".as_ptr()) };
    // SAFETY: the same handle, which is not used again.
    unsafe { libc::dlclose(libc) };
    !found.is_null()
}

/// Returns the version of glibc that we run on, such as 2.36; `None` on another libc.
#[must_use]
pub fn glibc_version() -> Option<String> {
    let function = address_of(c"gnu_get_libc_version")?;
    let function: *const () = std::ptr::with_exposed_provenance(function as usize);
    // SAFETY: `const char *gnu_get_libc_version(void)` (gnu_get_libc_version(3)).
    let function: extern "C" fn() -> *const libc::c_char = unsafe { std::mem::transmute(function) };
    // SAFETY: a static C string.
    let version = unsafe { CStr::from_ptr(function()) };
    Some(version.to_string_lossy().into_owned())
}
