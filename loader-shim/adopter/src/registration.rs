//! Registers a thread that nobody has registered, for as long as a guard lives.
//!
//! # Safety
//!
//! What this module owes: the area that is registered is the calling thread's
//! `__rseq_abi`, which lives as long as the thread.

#![allow(unsafe_code, reason = "the kernel is told where to write")]

use core::ffi::c_void;
use core::fmt;
use core::marker::PhantomData;
use core::sync::atomic::Ordering;

use crate::area::Area;
use crate::{arch, kernel};

/// `cpu_id` of an area whose registration was refused.
const FAILED: u32 = u32::MAX - 1;

const EBUSY: isize = 16;

/// Why the calling thread is not registered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotRegistered {
    /// Nobody defines `__rseq_abi`: switch the feature `define` on, or link with what
    /// does.
    NoDefinition,
    /// The kernel, or the owner that was asked, refuses with this errno: ENOSYS and
    /// EPERM where there is no such system call for this process, EINVAL where another
    /// area is registered.
    Refused(i32),
}

impl fmt::Display for NotRegistered {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoDefinition => formatter.write_str("nobody defines __rseq_abi"),
            Self::Refused(errno) => write!(formatter, "refused with errno {errno}"),
        }
    }
}

impl core::error::Error for NotRegistered {}

/// The calling thread is registered while this lives. It must be dropped by the thread that
/// has it.
#[derive(Debug)]
pub struct Registration {
    held: Held,
    /// Of one thread only.
    thread: PhantomData<*const c_void>,
}

/// Who has registered the thread.
#[derive(Debug, PartialEq, Eq)]
enum Held {
    /// Somebody before, who keeps it.
    Already,
    /// The owner of the process, which counts.
    Counted,
    /// This very guard.
    Ours,
}

/// Registers the calling thread's `__rseq_abi`, unless some area is registered for it
/// already. An owner that counts registrations (`rseq_shim_register_current_thread`) is
/// asked first. Async-signal-safe.
///
/// In a task that clone(2) has made with storage of its own, where the libc registers threads,
/// it is the libc's area that is registered, as the libc would have done, until the task ends.
///
/// # Errors
///
/// It cannot be registered; what relies on it falls back to what works without.
pub fn register_current_thread() -> Result<Registration, NotRegistered> {
    let guard = |held| Registration {
        held,
        thread: PhantomData,
    };
    let area = Area::of_symbol();
    if let Some((register, _)) = arch::owner_functions()
        && register() == 0
    {
        return Ok(guard(Held::Counted));
    }
    register_for_libc();
    if Area::registered().is_some() {
        return Ok(guard(Held::Already));
    }
    let area = area.ok_or(NotRegistered::NoDefinition)?;
    // SAFETY: the calling thread's `__rseq_abi`.
    match -unsafe { kernel::register(area.address(), kernel::LENGTH) } {
        0 => Ok(guard(Held::Ours)),
        // a signal handler has come first
        EBUSY => Ok(guard(Held::Already)),
        errno => {
            area.layout().cpu_id.store(FAILED, Ordering::Relaxed);
            Err(NotRegistered::Refused(errno as i32))
        }
    }
}

/// Registers the libc's area of a task that the libc has not started. Only an area that nobody
/// has ever written to can be such a one; the kernel refuses one that it keeps already.
fn register_for_libc() {
    if let Some((area, length)) = Area::of_libc()
        && area.is_zero()
        && Area::of_symbol().is_none_or(|symbol| symbol.cpu().is_none())
    {
        // SAFETY: the calling thread's area of the libc.
        unsafe { kernel::register(area.address(), length) };
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        match self.held {
            Held::Already => {}
            Held::Counted => {
                if let Some((_, unregister)) = arch::owner_functions() {
                    unregister();
                }
            }
            Held::Ours => {
                if let Some(area) = Area::of_symbol() {
                    kernel::unregister(area.address());
                }
            }
        }
    }
}
