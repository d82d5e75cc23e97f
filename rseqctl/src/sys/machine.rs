//! What the kernel says about itself and about this process.
//!
//! # Safety
//!
//! Strings of the auxiliary vector are those that the kernel puts on the stack,
//! and stay there.
#![allow(unsafe_code, reason = "see Safety above")]

use std::ffi::{CStr, OsStr};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use tls_model::rseq::{AT_RSEQ_ALIGN, AT_RSEQ_FEATURE_SIZE};

/// Returns release and architecture, as uname(2) has them.
#[must_use]
pub fn kernel() -> (String, String) {
    let names = rustix::system::uname();
    let text = |name: &CStr| name.to_string_lossy().into_owned();
    (text(names.release()), text(names.machine()))
}

/// Returns the kernel's release and version, with a space between them: which build it is.
#[must_use]
pub fn kernel_build() -> String {
    let names = rustix::system::uname();
    let text = |name: &CStr| name.to_string_lossy().into_owned();
    format!("{} {}", text(names.release()), text(names.version()))
}

/// Returns an entry of the auxiliary vector; `None` where it is absent or 0.
fn auxiliary(kind: u64) -> Option<u64> {
    // SAFETY: no memory of ours.
    let value = unsafe { libc::getauxval(kind) };
    (value != 0).then_some(value)
}

/// Returns `AT_RSEQ_FEATURE_SIZE`, in bytes (Linux 6.3).
#[must_use]
pub fn rseq_feature_size() -> Option<u32> {
    u32::try_from(auxiliary(AT_RSEQ_FEATURE_SIZE)?).ok()
}

/// Returns `AT_RSEQ_ALIGN`, in bytes (Linux 6.3).
#[must_use]
pub fn rseq_align() -> Option<u32> {
    u32::try_from(auxiliary(AT_RSEQ_ALIGN)?).ok()
}

/// Returns `AT_SECURE`: whether the dynamic linker ignores the caller's settings.
#[must_use]
pub fn is_secure() -> bool {
    auxiliary(libc::AT_SECURE).is_some()
}

/// Returns `AT_PLATFORM`: the kernel's name for the processor.
#[must_use]
pub fn platform() -> Option<String> {
    let address = auxiliary(libc::AT_PLATFORM)?;
    let name: *const libc::c_char = std::ptr::with_exposed_provenance(address as usize);
    // SAFETY: AT_PLATFORM is the address of a C string on our stack (getauxval(3)).
    let name = unsafe { CStr::from_ptr(name) };
    Some(name.to_string_lossy().into_owned()).filter(|name| !name.is_empty())
}

/// Returns the file that this process was started from: an absolute path, also where
/// there is no /proc.
#[must_use]
pub fn executable() -> Option<PathBuf> {
    if let Ok(path) = std::env::current_exe() {
        return Some(path);
    }
    let address = auxiliary(libc::AT_EXECFN)?;
    let name: *const libc::c_char = std::ptr::with_exposed_provenance(address as usize);
    // SAFETY: AT_EXECFN is the address of a C string on our stack (getauxval(3)).
    let name = unsafe { CStr::from_ptr(name) };
    // as the kernel was told it: relative to the folder that we are still in
    std::fs::canonicalize(OsStr::from_bytes(name.to_bytes())).ok()
}

/// Returns the seccomp mode of the calling thread: 0 none, 2 filter; `None` where the
/// kernel knows no seccomp.
#[must_use]
pub fn seccomp_mode() -> Option<u32> {
    // SAFETY: no memory of ours. (In strict mode the call would kill us, but so
    // would everything before it.)
    u32::try_from(unsafe { libc::prctl(libc::PR_GET_SECCOMP) }).ok()
}
