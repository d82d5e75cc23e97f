//! Memory that is never given back, without the application's malloc.
//!
//! Pieces are cut off a chunk, lock-free; when it is used up, a new one is mapped.
//! The first chunk is always there, also where the kernel gives no more memory
//! (`RLIMIT_AS`); pages of it that nobody touches cost nothing.
//!
//! # Safety
//!
//! What this module owes: a piece belongs to one caller, is zeroed, aligned to
//! [`ALIGN`], and stays valid for the life of the process.

#![allow(unsafe_code, reason = "memory is handed out")]

use core::cell::UnsafeCell;
use core::ffi::c_void;
use core::ptr::{from_ref, null_mut};
use core::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};

use crate::kernel;

/// Alignment of every piece.
const ALIGN: usize = 16;
/// Bytes of the first chunk, and of the others.
const FIRST: usize = 64 * 1024;
const LATER: usize = 1024 * 1024;

/// The beginning of a chunk.
#[repr(C, align(16))]
struct Head {
    /// Bytes in all.
    size: AtomicUsize,
    /// Bytes that are taken, this head among them.
    used: AtomicUsize,
}

#[repr(C, align(16))]
struct FirstChunk(UnsafeCell<[u8; FIRST]>);

// SAFETY: handed out in pieces, each to one caller.
unsafe impl Sync for FirstChunk {}

#[unsafe(link_section = ".bss.rseq_large")]
static FIRST_CHUNK: FirstChunk = FirstChunk(UnsafeCell::new([0; FIRST]));
static FIRST_USED: AtomicUsize = AtomicUsize::new(0);
/// The chunk that pieces are cut off; null for the first one, which has no head, so
/// that it costs no bytes of the file.
static CURRENT: AtomicPtr<Head> = AtomicPtr::new(null_mut());

/// Returns a zeroed piece of memory for a `T`, or null.
pub fn piece<T>() -> *mut T {
    const {
        assert!(align_of::<T>() <= ALIGN && size_of::<T>() <= FIRST / 2);
    }
    let size = size_of::<T>().next_multiple_of(ALIGN);
    loop {
        let chunk = CURRENT.load(Ordering::Acquire);
        if let Some(piece) = cut(chunk, size) {
            return piece.cast();
        }
        if !renew(chunk) {
            return null_mut();
        }
    }
}

/// Cuts a piece off a chunk, if there is enough left.
fn cut(chunk: *mut Head, size: usize) -> Option<*mut c_void> {
    // SAFETY: a chunk that is never unmapped, or null.
    let (start, capacity, used): (*mut c_void, _, _) = match unsafe { chunk.as_ref() } {
        Some(head) => (chunk.cast(), head.size.load(Ordering::Relaxed), &head.used),
        None => (FIRST_CHUNK.0.get().cast(), FIRST, &FIRST_USED),
    };
    let place = used
        .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |used| {
            (capacity - used >= size).then_some(used + size)
        })
        .ok()?;
    Some(start.wrapping_byte_add(place))
}

/// Maps a new chunk, unless another thread has done so in the meantime. Returns
/// whether there is one.
fn renew(old: *mut Head) -> bool {
    let memory: *mut Head = kernel::map_anonymous(LATER).cast();
    // SAFETY: a fresh mapping, large and aligned enough and zeroed, or null.
    let Some(head) = (unsafe { memory.as_ref() }) else {
        return false;
    };
    head.size.store(LATER, Ordering::Relaxed);
    head.used.store(size_of::<Head>(), Ordering::Relaxed);
    let new = from_ref(head).cast_mut();
    if CURRENT
        .compare_exchange(old, new, Ordering::AcqRel, Ordering::Acquire)
        .is_err()
    {
        // SAFETY: nobody has seen this mapping.
        unsafe { kernel::unmap(memory.cast(), LATER) };
    }
    true
}
