//! Room for looking at files: a stack, as the caller's may be small
//! (PTHREAD_STACK_MIN is 16 KiB) and reading ELF takes more than dlopen itself
//! does, and a [`Room`] below it.
//!
//! # Safety
//!
//! What this module owes: a region is used by one thread at a time, and a mapped
//! one is returned when nothing runs on it any more.

use core::cell::UnsafeCell;
use core::ffi::c_void;
use core::mem::MaybeUninit;
use core::ptr::null_mut;
use core::sync::atomic::{AtomicPtr, Ordering};

use super::memory::Room;
use crate::{arch, kernel};

/// The deepest look takes 52 KiB in a debug build; the rest is for signal
/// handlers. Only what is touched costs memory.
const STACK: usize = 256 * 1024;

/// Zeroes are one that nobody has used.
#[repr(C, align(4096))]
struct Region {
    room: Room,
    stack: [u8; STACK],
}

/// The first one, which is always there: a program may have a limit (RLIMIT_AS).
struct First(UnsafeCell<MaybeUninit<Region>>);

// SAFETY: whoever has taken its address from `SPARE` has it alone.
unsafe impl Sync for First {}

static FIRST: First = First(UnsafeCell::new(MaybeUninit::zeroed()));

/// One that nobody uses. There are more only while several threads look at the
/// same time.
static SPARE: AtomicPtr<Region> = AtomicPtr::new(FIRST.0.get().cast());

/// Runs `work` on a stack of its own, with room. Where the first region is in use
/// and there is no memory for another it is not run: everything then goes on as
/// without the shim.
pub fn with_room(work: impl FnOnce(&mut Room)) {
    let mut region = SPARE.swap(null_mut(), Ordering::Acquire);
    if region.is_null() {
        region = kernel::map_anonymous(size_of::<Region>()).cast();
    }
    if region.is_null() {
        return;
    }
    // SAFETY: a region that nobody else uses; zeroes are a room.
    let room = unsafe { &mut (*region).room };
    room.clear();
    let top = region.wrapping_add(1).cast();
    run(top, &mut Some(|| work(room)));
    give_back(region);
}

fn give_back(region: *mut Region) {
    let free = null_mut();
    let kept = SPARE.compare_exchange(free, region, Ordering::Release, Ordering::Relaxed);
    if kept.is_ok() {
        return;
    }
    let mut other = region;
    if core::ptr::eq(region, FIRST.0.get().cast()) {
        // the one that stays; what was mapped goes
        other = SPARE.swap(region, Ordering::AcqRel);
    }
    if !other.is_null() {
        // SAFETY: our own mapping, on which nothing runs.
        unsafe { kernel::unmap(other.cast(), size_of::<Region>()) };
    }
}

fn run<Work: FnOnce()>(top: *mut c_void, work: &mut Option<Work>) {
    unsafe extern "C" fn call<Work: FnOnce()>(work: *mut c_void) {
        // SAFETY: the pointer handed in below, to something that lives.
        let work = unsafe { &mut *work.cast::<Option<Work>>() };
        if let Some(work) = work.take() {
            work();
        }
    }
    // SAFETY: the end of unused memory, page-aligned; the function gets its own
    // argument back, and unwinds nowhere.
    unsafe { arch::call_on_stack(top, call::<Work>, (&raw mut *work).cast()) };
}
