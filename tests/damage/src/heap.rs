//! What a piece of code takes from the heap.
//!
//! # Safety
//!
//! The allocator is the system's: every call is passed on unchanged, and only
//! counted.
#![allow(unsafe_code, reason = "an allocator has no safe interface")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

/// The system's allocator, counting for each thread. A test makes it its own:
///
/// ```
/// use rseq_damage::Heap;
///
/// #[global_allocator]
/// static HEAP: Heap = Heap;
///
/// let (bytes, most) = Heap::peak(|| vec![0_u8; 1000]);
/// assert_eq!((bytes.len(), most), (1000, 1000));
/// ```
pub struct Heap;

thread_local! {
    /// Bytes that this thread has taken more than it has given back.
    static LIVE: Cell<i64> = const { Cell::new(0) };
    /// The most that this ever was.
    static PEAK: Cell<i64> = const { Cell::new(0) };
}

impl Heap {
    /// The most bytes that `run` has at one time, on this thread, more than
    /// before it began; what `run` gives back is left out.
    ///
    /// # Panics
    ///
    /// The allocator is not the program's.
    pub fn peak<T>(run: impl FnOnce() -> T) -> (T, u64) {
        let before = LIVE.get();
        let probe = vec![0_u8; 64];
        assert!(LIVE.get() >= before + 64, "this program has another heap");
        drop(probe);
        PEAK.set(before);
        let value = run();
        (value, PEAK.get().saturating_sub(before).max(0) as u64)
    }
}

fn count(bytes: i64) {
    // a thread that ends has no counters any more
    let _ = LIVE.try_with(|live| {
        let now = live.get().saturating_add(bytes);
        live.set(now);
        PEAK.try_with(|peak| peak.set(peak.get().max(now)))
    });
}

// SAFETY: see the head of this file
unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as i64);
        // SAFETY: the caller's promise is passed on
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as i64);
        // SAFETY: the caller's promise is passed on
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, old: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // the old block may be there until the new one is filled
        count(size as i64);
        // SAFETY: the caller's promise is passed on
        let new = unsafe { System.realloc(old, layout, size) };
        count(-(layout.size() as i64));
        new
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        count(-(layout.size() as i64));
        // SAFETY: the caller's promise is passed on
        unsafe { System.dealloc(block, layout) }
    }
}
