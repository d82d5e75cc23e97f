//! Where clients have registered areas of their own (`syscall(SYS_rseq)`).
//!
//! Static TLS has the same offset from the thread pointer in every thread, so an
//! offset says for all threads which object holds the area.

use core::ops::Range;
use core::sync::atomic::{AtomicIsize, AtomicUsize, Ordering};

use crate::arch;

/// Different places. A program has one client, rarely two.
const PLACES: usize = 16;
/// Static TLS is not larger than this. Areas elsewhere, on the heap for example, are in no
/// object.
const MAX_STATIC_TLS: isize = 16 * 1024 * 1024;
const STATIC_TLS: Range<isize> = if arch::IS_TLS_ABOVE {
    0..MAX_STATIC_TLS
} else {
    -MAX_STATIC_TLS..0
};

/// Offsets from the thread pointer; 0 for none.
static OFFSETS: [AtomicIsize; PLACES] = [const { AtomicIsize::new(0) }; PLACES];
static COUNT: AtomicUsize = AtomicUsize::new(0);

/// Notes that a client's area has been registered for the calling thread. Called in the
/// middle of its system call, maybe from a signal handler: nothing here waits.
pub fn registered(area: usize) {
    let offset = area.wrapping_sub(arch::thread_pointer()) as isize;
    if !STATIC_TLS.contains(&offset) {
        return;
    }
    for place in &OFFSETS {
        match place.compare_exchange(0, offset, Ordering::Relaxed, Ordering::Relaxed) {
            Ok(_) => {
                COUNT.fetch_add(1, Ordering::Release);
                return;
            }
            Err(known) if known == offset => return,
            Err(_) => {}
        }
    }
}

/// Returns how many places are known.
pub fn count() -> usize {
    COUNT.load(Ordering::Acquire)
}

/// Returns whether one of them lies in the `length` bytes from this offset on.
pub fn any_in(start: isize, length: u64) -> bool {
    OFFSETS.iter().any(|place| {
        let offset = place.load(Ordering::Relaxed);
        offset != 0 && (offset.wrapping_sub(start) as u64) < length
    })
}
