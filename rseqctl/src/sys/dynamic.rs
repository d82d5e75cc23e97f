//! Names of the running process, asked of its dynamic linker.

use std::ffi::{CStr, c_void};

/// The address of a symbol of the global scope; for a thread-local symbol, the
/// calling thread's copy.
#[must_use]
pub fn address_of(name: &CStr) -> Option<u64> {
    // SAFETY: a C string; dlsym changes nothing that we use.
    let address: *mut c_void = unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr()) };
    (!address.is_null()).then(|| address.expose_provenance() as u64)
}

/// Where glibc (2.35 and later) keeps the calling thread's area: the thread
/// pointer plus `__rseq_offset`.
#[must_use]
pub fn libc_area() -> Option<u64> {
    let offset = address_of(c"__rseq_offset")?;
    let offset: *const isize = std::ptr::with_exposed_provenance(offset as usize);
    // SAFETY: `const ptrdiff_t __rseq_offset` (glibc manual, "Restartable
    // Sequences").
    let offset = unsafe { offset.read() };
    Some(super::thread::pointer().wrapping_add_signed(offset as i64))
}
