//! Libc names that answer from the registered area.
//!
//! `sched_getcpu` itself is assembly (`arch`): two loads and a branch. The libc
//! answers from its own area only, so with its registration switched off it
//! would go through the vdso.

use core::ffi::{c_int, c_void};
use core::sync::atomic::{AtomicPtr, Ordering};

use crate::{kernel, process};

/// Where `sched_getcpu` goes when the area is not registered.
pub static LIBC_SCHED_GETCPU: AtomicPtr<c_void> =
    AtomicPtr::new(sched_getcpu_by_system_call as *mut c_void);

/// Finds the libc's own functions.
pub fn resolve() {
    if let Some(address) = process::next_symbol(b"sched_getcpu") {
        LIBC_SCHED_GETCPU.store(address, Ordering::Relaxed);
    }
}

/// Serves callers that come before [`resolve`].
extern "C" fn sched_getcpu_by_system_call() -> c_int {
    let cpu = kernel::getcpu();
    if cpu < 0 { -1 } else { cpu as c_int }
}
