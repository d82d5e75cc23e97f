//! Users by name.
//!
//! # Safety
//!
//! `getpwnam_r` gets a name that ends with a zero, and a record and a buffer of ours
//! that live longer than the call.
#![allow(unsafe_code, reason = "getpwnam_r, which rustix does not have")]

use std::ffi::CString;
use std::mem::MaybeUninit;
use std::ptr;

/// Returns a user's id by its name; `None` where there is no such user.
#[must_use]
pub fn id_of(name: &str) -> Option<u32> {
    /// More than any record takes: glibc asks for 1,024 bytes (sysconf(3)).
    const BUFFER: usize = 64 << 10;

    let name = CString::new(name).ok()?;
    let mut record = MaybeUninit::<libc::passwd>::uninit();
    let mut buffer = vec![0; BUFFER];
    let mut found = ptr::null_mut();
    // SAFETY: all are ours, and as long as is said
    let failed = unsafe {
        libc::getpwnam_r(
            name.as_ptr(),
            record.as_mut_ptr(),
            buffer.as_mut_ptr(),
            buffer.len(),
            &raw mut found,
        )
    };
    if failed != 0 || found.is_null() {
        return None;
    }
    // SAFETY: it was found, and so written
    let record = unsafe { record.assume_init() };
    Some(record.pw_uid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_is_the_first() {
        assert_eq!(id_of("root"), Some(0));
        assert_eq!(id_of("no such user"), None);
    }
}
