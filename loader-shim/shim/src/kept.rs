//! Jobs that are kept for the life of the process, each pair of function and
//! argument once: what a notification calls may be called again at any time.
//!
//! A tree that only grows, without a lock: a job's place follows from the bits of
//! its key, from the root down. Where two jobs would share a place, a node comes
//! between. So finding a job takes the same few steps however many there are.
//!
//! # Safety
//!
//! What this module owes: what [`Kept::value`] returns stays valid, and what it
//! points to never changes once somebody else can see it.

#![allow(unsafe_code, reason = "pointers go through the libc")]

use core::ffi::c_void;
use core::ptr::{from_mut, from_ref, null_mut};

use crate::arena;
use crate::atomic::{AtomicPtr, Ordering};
use crate::slab::Job;

/// A job that stays.
#[derive(Clone, Copy)]
pub struct Kept(&'static Job);

impl Kept {
    /// Returns it as a value to be handed through the libc.
    pub fn value(self) -> *mut c_void {
        from_ref(self.0).cast_mut().cast()
    }

    /// Returns the job that a value stands for.
    ///
    /// # Safety
    ///
    /// The value is one of [`Kept::value`].
    pub unsafe fn job(value: *mut c_void) -> Job {
        // SAFETY: the caller's promise, and it never changes.
        unsafe { *value.cast::<Job>() }
    }
}

/// Bits of a key that choose the place in the root, and in each node below.
#[cfg(not(rseq_model))]
const ROOT_BITS: u32 = 10;
#[cfg(not(rseq_model))]
const NODE_BITS: u32 = 4;
/// Few enough that jobs meet in a model.
#[cfg(rseq_model)]
const ROOT_BITS: u32 = 0;
#[cfg(rseq_model)]
const NODE_BITS: u32 = 1;

/// Nothing, a job, or (with [`IS_NODE`] added) a node.
type Place = AtomicPtr<c_void>;
type Node = [Place; 1 << NODE_BITS];

/// Both kinds are aligned to more.
const IS_NODE: usize = 1;

#[unsafe(link_section = ".bss.rseq_large")]
static ROOT: [Place; 1 << ROOT_BITS] = [const { Place::new(null_mut()) }; 1 << ROOT_BITS];

/// Which way to go, from the lowest bits on. No two jobs have the same key: where
/// the first halves are equal, so are the second only if the functions are.
#[derive(Clone, Copy)]
struct Key(u128);

impl Key {
    fn of(job: &Job) -> Self {
        // multiplication by an odd number loses nothing, but carries upwards only
        const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;
        let argument = job.argument.addr() as u64;
        let mixed = (job.start as usize as u64) ^ argument.rotate_left(32);
        let low = mixed.wrapping_mul(GOLDEN).swap_bytes();
        Self(u128::from(argument) << u64::BITS | u128::from(low))
    }

    fn take(&mut self, bits: u32) -> usize {
        let taken = self.0 as usize & ((1 << bits) - 1);
        self.0 >>= bits;
        taken
    }
}

/// Keeps a job, or finds it kept; `None` when there is no memory.
pub fn keep(job: Job) -> Option<Kept> {
    let mut key = Key::of(&job);
    let mut depth = ROOT_BITS;
    let mut place = ROOT.get(key.take(ROOT_BITS))?;
    let mut ours: *mut Job = null_mut();
    loop {
        let found = place.load(Ordering::Acquire);
        if let Some(node) = as_node(found) {
            place = node.get(key.take(NODE_BITS))?;
            depth += NODE_BITS;
            continue;
        }
        // SAFETY: not a node, so a job that never changes, or null.
        let new = match unsafe { found.cast::<Job>().as_ref() } {
            Some(other) if other.is(&job) => return Some(Kept(other)),
            Some(other) => node_between(found, other, depth)?,
            None => {
                if ours.is_null() {
                    ours = arena::piece();
                    // SAFETY: ours alone, until the exchange below; or null.
                    *unsafe { ours.as_mut() }? = job;
                }
                ours.cast()
            }
        };
        let put = place.compare_exchange(found, new, Ordering::AcqRel, Ordering::Acquire);
        if put.is_ok() && core::ptr::eq(new, ours.cast()) {
            // SAFETY: written above, and shared from now on.
            return unsafe { ours.as_ref() }.map(Kept);
        }
        // somebody else was first, or there is a node now: look again
    }
}

fn as_node(found: *mut c_void) -> Option<&'static Node> {
    if found.addr() & IS_NODE == 0 {
        return None;
    }
    let node = found.wrapping_byte_sub(IS_NODE).cast::<Node>();
    // SAFETY: a node of `node_between`, which stays.
    unsafe { node.as_ref() }
}

/// Returns a node that holds `other`, which was found where `depth` bits of a key lead.
fn node_between(found: *mut c_void, other: &Job, depth: u32) -> Option<*mut c_void> {
    // SAFETY: ours alone, until it is put into the tree; zeroes are empty places.
    let node = unsafe { arena::piece::<Node>().as_mut() }?;
    let mut key = Key(Key::of(other).0 >> depth);
    *node.get_mut(key.take(NODE_BITS))?.get_mut() = found;
    Some(from_mut(node).cast::<c_void>().wrapping_byte_add(IS_NODE))
}
