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
//! the pointers it answers stay valid for the life of the process.

use core::cell::UnsafeCell;
use core::ffi::c_void;
use core::mem::MaybeUninit;
use core::ptr::null_mut;
use core::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, Ordering};

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
    fn is(&self, other: &Self) -> bool {
        core::ptr::fn_addr_eq(self.start, other.start)
            && core::ptr::eq(self.argument, other.argument)
    }
}

/// One hand-over.
pub struct Slot {
    job: UnsafeCell<MaybeUninit<Job>>,
    number: AtomicU32,
    next: AtomicU32,
    is_kept: AtomicU32,
}

// SAFETY: slots are handed over through the atomic free stack, one holder at a
// time.
unsafe impl Sync for Slot {}

impl Slot {
    /// What zeroed memory holds, so that the first chunk costs no bytes of the
    /// file. `next` gets its value when the slot is first returned.
    const fn new() -> Self {
        Self {
            job: UnsafeCell::new(MaybeUninit::uninit()),
            number: AtomicU32::new(0),
            next: AtomicU32::new(0),
            is_kept: AtomicU32::new(0),
        }
    }
}

/// Slots in chunk 0; chunk `k` has `FIRST << k`.
///
/// The first chunk is always there, also where the kernel gives no more memory
/// (`RLIMIT_AS`); untouched pages of it cost nothing.
const FIRST: u32 = 1024;
/// Chunks in all: room for 1024 * (2^16 - 1) threads that are not yet running.
const CHUNKS: usize = 16;
/// End of the free stack.
const NOBODY: u32 = u32::MAX;

static FIRST_CHUNK: [Slot; FIRST as usize] = [const { Slot::new() }; FIRST as usize];
static LATER_CHUNKS: [AtomicPtr<Slot>; CHUNKS] = [const { AtomicPtr::new(null_mut()) }; CHUNKS];
/// Top of the free stack: tag in the upper half, slot number in the lower.
static FREE: AtomicU64 = AtomicU64::new(NOBODY as u64);
/// Slot numbers from here on have never been used.
static UNUSED: AtomicU32 = AtomicU32::new(0);

/// Puts a job into a free slot; nothing when there is no memory.
pub fn take(job: Job) -> Option<&'static Slot> {
    let slot = match pop() {
        Some(slot) => slot,
        None => fresh()?,
    };
    // SAFETY: the slot is off the stack, so this is its only holder.
    unsafe { slot.job.get().write(MaybeUninit::new(job)) };
    Some(slot)
}

/// Takes the job out of a slot and returns the slot.
///
/// # Safety
///
/// `slot` comes from [`take`] and is given once.
pub unsafe fn give(slot: &'static Slot) -> Job {
    // SAFETY: the caller is the slot's only holder.
    let job = unsafe { slot.job.get().read() };
    push(slot);
    // SAFETY: `take` has put a job there.
    unsafe { job.assume_init() }
}

/// A slot that is never given back.
#[derive(Clone, Copy)]
pub struct Kept(&'static Slot);

impl Kept {
    /// What it holds.
    pub fn job(self) -> Job {
        // SAFETY: written by `keep` before anybody else saw the slot, and never
        // again.
        let job = unsafe { self.0.job.get().read() };
        // SAFETY: likewise.
        unsafe { job.assume_init() }
    }

    /// The slot as a value to be handed through the libc.
    pub fn value(self) -> *mut c_void {
        core::ptr::from_ref(self.0).cast_mut().cast()
    }

    /// The kept slot that a value is, if it is one.
    pub fn from_value(value: *mut c_void) -> Option<Self> {
        let slot = slot_at(value)?;
        (slot.is_kept.load(Ordering::Acquire) != 0).then_some(Self(slot))
    }
}

/// The slot that lies at an address, if one does.
fn slot_at(address: *mut c_void) -> Option<&'static Slot> {
    let first = core::ptr::from_ref(&FIRST_CHUNK).cast::<Slot>().cast_mut();
    for (chunk, start) in LATER_CHUNKS.iter().enumerate() {
        let start = if chunk == 0 {
            first
        } else {
            start.load(Ordering::Acquire)
        };
        let distance = address.addr().wrapping_sub(start.addr());
        let index = distance / size_of::<Slot>();
        if !start.is_null()
            && index < (FIRST as usize) << chunk
            && distance.is_multiple_of(size_of::<Slot>())
        {
            // SAFETY: inside a chunk, at a multiple of a slot's size.
            return Some(unsafe { &*start.wrapping_add(index) });
        }
    }
    None
}

/// The slot that keeps this very job; a new one for the first who asks, or
/// nothing when there is no memory.
pub fn keep(job: Job) -> Option<Kept> {
    let bucket = KEPT.get(bucket_of(job))?;
    let mut head = bucket.load(Ordering::Acquire);
    if let Some(kept) = kept_in_chain(head, job) {
        return Some(kept);
    }
    let slot = take(job)?;
    slot.is_kept.store(1, Ordering::Release);
    let number = slot.number.load(Ordering::Relaxed);
    loop {
        slot.next.store(head, Ordering::Relaxed);
        match bucket.compare_exchange_weak(head, number, Ordering::AcqRel, Ordering::Acquire) {
            // somebody may have kept the same job meanwhile: two slots then say
            // the same
            Ok(_) => return Some(Kept(slot)),
            Err(now) => head = now,
        }
    }
}

/// Chains of kept slots, by slot number.
static KEPT: [AtomicU32; 1 << BUCKET_BITS] = [const { AtomicU32::new(NOBODY) }; 1 << BUCKET_BITS];
const BUCKET_BITS: u32 = 10;

/// Multiplicative hashing: addresses may differ in any of their bits.
fn bucket_of(job: Job) -> usize {
    const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;
    let key = (job.start as usize as u64) ^ (job.argument.addr() as u64).rotate_left(32);
    (key.wrapping_mul(GOLDEN) >> (u64::BITS - BUCKET_BITS)) as usize
}

fn kept_in_chain(head: u32, job: Job) -> Option<Kept> {
    let mut next = head;
    while let Some(slot) = find(next) {
        if Kept(slot).job().is(&job) {
            return Some(Kept(slot));
        }
        next = slot.next.load(Ordering::Relaxed);
    }
    None
}

fn pop() -> Option<&'static Slot> {
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
        slot.next.store(head as u32, Ordering::Relaxed);
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

/// A slot that was never used before.
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
    slot.number.store(number, Ordering::Relaxed);
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

/// Chunk `k` starts at number `FIRST * (2^k - 1)`.
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
