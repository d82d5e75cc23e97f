//! Hands (start routine, argument) from the creator of a thread to the thread,
//! without the application's malloc: an allocator may itself be creating the
//! thread.
//!
//! Slots live in chunks of doubling size, the first one static, the others
//! mapped when needed and never unmapped. Free slots form a lock-free stack of
//! slot numbers; the head carries a tag that changes with every operation, so
//! that a slot taken and returned in between is noticed (the ABA problem).
//!
//! # Safety
//!
//! What this module owes: a slot has one holder between [`take`] and [`give`];
//! the pointers it returns stay valid for the life of the process.

#![allow(unsafe_code, reason = "pointers go through the libc")]

use core::ffi::c_void;
use core::mem::transmute;
use core::ptr::null_mut;

use crate::atomic::{AtomicPtr, AtomicU32, AtomicU64, Ordering};
use crate::kernel;

/// What `pthread_create` calls in the new thread.
pub type StartRoutine = unsafe extern "C" fn(*mut c_void) -> *mut c_void;

/// What a new thread is to run.
#[derive(Clone, Copy)]
pub struct Job {
    /// The user's start routine.
    pub start: StartRoutine,
    /// Its argument.
    pub argument: *mut c_void,
}

impl Job {
    /// Returns whether it is the same.
    pub fn is(&self, other: &Self) -> bool {
        core::ptr::fn_addr_eq(self.start, other.start)
            && core::ptr::eq(self.argument, other.argument)
    }
}

/// One hand-over.
///
/// What it holds is ordered by the free stack, which checkers of races do not see:
/// helgrind and DRD would report that one creator writes what the thread of another
/// has read. They take an exchange for no write, so every write is one.
pub struct Slot {
    start: AtomicPtr<c_void>,
    argument: AtomicPtr<c_void>,
    number: AtomicU32,
    next: AtomicU32,
}

impl Slot {
    /// Returns what zeroed memory holds, so that the first chunk costs no bytes of the
    /// file. `next` gets its value when the slot is first returned.
    const fn new() -> Self {
        Self {
            start: AtomicPtr::new(null_mut()),
            argument: AtomicPtr::new(null_mut()),
            number: AtomicU32::new(0),
            next: AtomicU32::new(0),
        }
    }

    /// Writes a job into the slot; for the holder only. The ordering keeps the compiler
    /// from making stores of the exchanges.
    fn fill(&self, job: Job) {
        self.start.swap(job.start as *mut c_void, Ordering::AcqRel);
        self.argument.swap(job.argument, Ordering::AcqRel);
    }
}

/// Slots in chunk 0; chunk `k` has `FIRST << k`.
///
/// The first chunk is always there, also where the kernel gives no more memory
/// (`RLIMIT_AS`); untouched pages of it cost nothing.
#[cfg(not(rseq_model))]
const FIRST: u32 = 1024;
/// Few enough that a model comes to the next chunk.
#[cfg(rseq_model)]
const FIRST: u32 = 2;
/// Chunks in all: room for 1024 * (2^16 - 1) threads that are not yet running.
const CHUNKS: usize = 16;
/// End of the free stack.
const NOBODY: u32 = u32::MAX;

#[unsafe(link_section = ".bss.rseq_large")]
static FIRST_CHUNK: [Slot; FIRST as usize] = [const { Slot::new() }; FIRST as usize];
static LATER_CHUNKS: [AtomicPtr<Slot>; CHUNKS] = [const { AtomicPtr::new(null_mut()) }; CHUNKS];
/// Top of the free stack: tag in the upper half, slot number in the lower.
static FREE: AtomicU64 = AtomicU64::new(NOBODY as u64);
/// Slot numbers from here on have never been used.
static UNUSED: AtomicU32 = AtomicU32::new(0);

/// Puts a job into a free slot; `None` when there is no memory.
pub fn take(job: Job) -> Option<&'static Slot> {
    let slot = match pop() {
        Some(slot) => slot,
        None => fresh()?,
    };
    // off the stack, so this is its only holder
    slot.fill(job);
    Some(slot)
}

/// Puts a job into a free slot of the first chunk, if one is at hand: the ordinary
/// case, with nothing to call.
#[inline]
pub fn take_at_hand(job: Job) -> Option<&'static Slot> {
    let slot = pop_by(|number| FIRST_CHUNK.get(number as usize))?;
    slot.fill(job);
    Some(slot)
}

/// Takes the job out of a slot and returns the slot.
///
/// # Safety
///
/// `slot` comes from [`take`] and is given once.
pub unsafe fn give(slot: &'static Slot) -> Job {
    let start = slot.start.load(Ordering::Relaxed);
    let job = Job {
        // SAFETY: `take` has put a start routine there.
        start: unsafe { transmute::<*mut c_void, StartRoutine>(start) },
        argument: slot.argument.load(Ordering::Relaxed),
    };
    push(slot);
    job
}

fn pop() -> Option<&'static Slot> {
    pop_by(find)
}

#[inline]
fn pop_by(find: impl Fn(u32) -> Option<&'static Slot>) -> Option<&'static Slot> {
    let mut head = FREE.load(Ordering::Acquire);
    loop {
        let slot = find(head as u32)?;
        // may be stale when somebody else takes the slot right now; the tag
        // then fails the swap
        let next = slot.next.load(Ordering::Relaxed);
        let new = retagged(head, next);
        match FREE.compare_exchange_weak(head, new, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => return Some(slot),
            Err(now) => head = now,
        }
    }
}

fn push(slot: &Slot) {
    let number = slot.number.load(Ordering::Relaxed);
    let mut head = FREE.load(Ordering::Relaxed);
    loop {
        slot.next.swap(head as u32, Ordering::AcqRel);
        let new = retagged(head, number);
        match FREE.compare_exchange_weak(head, new, Ordering::AcqRel, Ordering::Relaxed) {
            Ok(_) => return,
            Err(now) => head = now,
        }
    }
}

fn retagged(head: u64, number: u32) -> u64 {
    ((head >> 32).wrapping_add(1) << 32) | u64::from(number)
}

/// Returns a slot that was never used before.
#[cold]
fn fresh() -> Option<&'static Slot> {
    let number = UNUSED
        .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |next| {
            (chunk_of(next) < CHUNKS).then(|| next.wrapping_add(1))
        })
        .ok()?;
    let chunk = chunk_of(number);
    if chunk > 0 && LATER_CHUNKS.get(chunk)?.load(Ordering::Acquire).is_null() {
        map_chunk(chunk)?;
    }
    let slot = find(number)?;
    slot.number.swap(number, Ordering::AcqRel);
    Some(slot)
}

/// Maps a chunk, unless somebody else has done so in the meantime. A zeroed
/// slot holds no job.
fn map_chunk(chunk: usize) -> Option<()> {
    let bytes = (size_of::<Slot>() * FIRST as usize) << chunk;
    let memory = kernel::map_anonymous(bytes);
    if memory.is_null() {
        return None;
    }
    let place = LATER_CHUNKS.get(chunk)?;
    if place
        .compare_exchange(
            null_mut(),
            memory.cast(),
            Ordering::AcqRel,
            Ordering::Acquire,
        )
        .is_err()
    {
        // SAFETY: nobody has seen this mapping.
        unsafe { kernel::unmap(memory, bytes) };
    }
    Some(())
}

/// Returns the chunk of a number: chunk `k` starts at number `FIRST * (2^k - 1)`.
fn chunk_of(number: u32) -> usize {
    (number / FIRST).wrapping_add(1).ilog2() as usize
}

fn find(number: u32) -> Option<&'static Slot> {
    if number == NOBODY {
        return None;
    }
    let chunk = chunk_of(number);
    if chunk == 0 {
        return FIRST_CHUNK.get(number as usize);
    }
    let start = LATER_CHUNKS.get(chunk)?.load(Ordering::Acquire);
    let index = number - FIRST * ((1 << chunk) - 1);
    if start.is_null() {
        return None;
    }
    // SAFETY: a chunk that is never unmapped, with `FIRST << chunk` slots, of
    // which `index` is one by the arithmetic of `chunk_of`; a zeroed slot is a
    // valid one.
    Some(unsafe { &*start.wrapping_add(index as usize) })
}
