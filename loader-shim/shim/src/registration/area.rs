//! Registers the calling thread's area, or says in it that it could not be.
//!
//! # Safety
//!
//! What this module owes: only areas are registered that live as long as their
//! thread.

#![allow(unsafe_code, reason = "the kernel is told where to write")]

use core::mem::offset_of;
use core::sync::atomic::{AtomicIsize, AtomicU32, Ordering};

use tls_model::owner::Answer;
use tls_model::rseq::{
    CPU_ID_REGISTRATION_FAILED, CPU_ID_UNINITIALIZED, FLAG_UNREGISTER, ORIGINAL_LENGTH, Rseq,
};

use crate::kernel::SIGNATURE;
use crate::{arch, kernel, report};

/// Length of every registration, once decided.
static LENGTH: AtomicU32 = AtomicU32::new(ORIGINAL_LENGTH);

/// The libc's own area: `__rseq_offset` and the length it registers.
static LIBC_OFFSET: AtomicIsize = AtomicIsize::new(0);
static LIBC_LENGTH: AtomicU32 = AtomicU32::new(0);

/// Returns whether the libc, which says that this much of its area is in use, has registered
/// the calling thread.
pub fn is_registered_by_libc(offset: isize, size: u32) -> bool {
    size != 0 && is_cpu_number(libc_area(offset))
}

/// Remembers what was decided.
pub fn set_length(length: u32) {
    LENGTH.store(length, Ordering::Relaxed);
}

/// Returns the length in bytes of every registration.
pub fn length() -> u32 {
    LENGTH.load(Ordering::Relaxed)
}

/// Remembers the libc's area. glibc registers at least 32 bytes, whatever
/// `__rseq_size` says.
pub fn set_libc_area(offset: isize, size: u32) {
    LIBC_OFFSET.store(offset, Ordering::Relaxed);
    LIBC_LENGTH.store(size.max(ORIGINAL_LENGTH), Ordering::Relaxed);
}

/// Returns whether the libc has registered the calling thread. Asked where the owner is the
/// libc only.
pub fn libc_has_registered() -> bool {
    is_cpu_number(libc_area(LIBC_OFFSET.load(Ordering::Relaxed)))
}

/// Does the same, for a thread that somebody asks for: in a task of clone(2) that the libc has
/// not started its area may be zero, which reads like CPU 0. The libc's area is
/// registered then, as the libc would have done; the kernel refuses one that it keeps.
pub fn is_kept_for_libc() -> bool {
    if is_zero(libc_area(LIBC_OFFSET.load(Ordering::Relaxed))) {
        register_libc_again();
    }
    libc_has_registered()
}

/// Unregisters the calling thread's `__rseq_abi`; returns whether it had been
/// registered.
pub fn unregister() -> bool {
    let length = LENGTH.load(Ordering::Relaxed);
    // SAFETY: unregistering leaves no pointer behind.
    unsafe { kernel::rseq(arch::abi_area(), length, FLAG_UNREGISTER, SIGNATURE) == 0 }
}

/// Returns whether the kernel keeps the calling thread's `__rseq_abi` up to date.
pub fn is_registered() -> bool {
    is_cpu_number(arch::abi_area())
}

/// Returns the calling thread's `cpu_id`, as the kernel last wrote it.
pub fn cpu_id() -> u32 {
    // SAFETY: the calling thread's own static TLS.
    unsafe { cpu_id_of(arch::abi_area()).read_volatile() }
}

/// Registers the calling thread's `__rseq_abi`, or says in it that the kernel
/// has refused.
pub fn now() -> Answer {
    match ask() {
        0 => Answer::Granted,
        error => refused(-error as i32),
    }
}

/// Registers the calling thread's `__rseq_abi`; says nothing where the kernel
/// refuses.
#[inline]
pub fn try_now() -> bool {
    ask() == 0
}

#[inline]
fn ask() -> isize {
    let length = LENGTH.load(Ordering::Relaxed);
    // SAFETY: the area is static TLS of an object that is never unloaded: it
    // lives as long as the thread.
    unsafe { kernel::rseq(arch::abi_area(), length, 0, SIGNATURE) }
}

#[cold]
fn refused(errno: i32) -> Answer {
    let answer = match errno {
        libc::EBUSY => return Answer::Granted,
        libc::ENOSYS => Answer::NoSystemCall,
        libc::EPERM => Answer::Denied,
        libc::EINVAL => Answer::Invalid,
        _ => Answer::Refused,
    };
    report::refused(errno as u32);
    mark_failed();
    answer
}

/// Returns the positive errno that stands for an answer.
pub const fn errno_of(answer: Answer) -> i32 {
    match answer {
        Answer::Granted => 0,
        Answer::NoSystemCall => libc::ENOSYS,
        Answer::Denied => libc::EPERM,
        Answer::Invalid => libc::EINVAL,
        Answer::Refused => libc::EFAULT,
    }
}

/// Takes the libc's registration out of the calling thread; glibc's own
/// `sched_getcpu` then falls back to the vdso by itself.
pub fn unregister_libc() -> bool {
    let area = libc_area(LIBC_OFFSET.load(Ordering::Relaxed));
    if !is_cpu_number(area) {
        return false;
    }
    let length = LIBC_LENGTH.load(Ordering::Relaxed);
    // SAFETY: unregistering leaves no pointer behind.
    unsafe { kernel::rseq(area, length, FLAG_UNREGISTER, SIGNATURE) == 0 }
}

/// Gives it back.
pub fn register_libc_again() {
    let area = libc_area(LIBC_OFFSET.load(Ordering::Relaxed));
    let length = LIBC_LENGTH.load(Ordering::Relaxed);
    // SAFETY: the area is part of the thread's own control block.
    unsafe { kernel::rseq(area, length, 0, SIGNATURE) };
}

/// Says in the area that there will be no registration; an area that anybody
/// has registered is left alone.
pub fn mark_failed() {
    let cpu_id = cpu_id_of(arch::abi_area());
    // SAFETY: the calling thread's own static TLS; volatile because the kernel
    // may write the field.
    if unsafe { cpu_id.read_volatile() } == CPU_ID_UNINITIALIZED {
        // SAFETY: as above.
        unsafe { cpu_id.write_volatile(CPU_ID_REGISTRATION_FAILED) };
    }
}

fn libc_area(offset: isize) -> *mut Rseq {
    core::ptr::with_exposed_provenance_mut(arch::thread_pointer().wrapping_add_signed(offset))
}

fn cpu_id_of(area: *mut Rseq) -> *mut u32 {
    area.cast::<u32>()
        .wrapping_byte_add(offset_of!(Rseq, cpu_id))
}

/// Returns whether nobody may ever have written to an area.
fn is_zero(area: *mut Rseq) -> bool {
    // both CPU numbers, and the critical section
    let words = area.cast::<u64>();
    // SAFETY: an area in the calling thread's TLS or control block.
    let numbers = unsafe { words.read_volatile() };
    // SAFETY: as above.
    let section = unsafe { words.wrapping_add(1).read_volatile() };
    numbers == 0 && section == 0
}

/// Returns whether `cpu_id` is a CPU number: the kernel writes one into a registered area
/// at once.
fn is_cpu_number(area: *mut Rseq) -> bool {
    // SAFETY: an area in the calling thread's TLS or control block.
    let cpu_id = unsafe { cpu_id_of(area).read_volatile() };
    (cpu_id as i32) >= 0
}
