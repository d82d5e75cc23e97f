//! Nodes that are taken and given back, a list for each CPU.
//!
//! # Safety
//!
//! What this module owes: a list is written to by critical sections on its own CPU
//! only, the shared one by whoever holds its lock; a node is in one list, or handed out.

#![allow(unsafe_code, reason = "critical sections write to lists")]

use core::cell::UnsafeCell;
use core::ffi::c_void;
use core::hint::spin_loop;
use core::marker::PhantomData;
use core::ptr::{NonNull, null_mut};
use core::sync::atomic::{AtomicBool, AtomicPtr, Ordering};

use crate::arch::{self, Outcome};
use crate::area::Area;

/// Something that can be in a free list: its link is its first word.
///
/// # Safety
///
/// The type is `#[repr(C)]` and begins with a word that nobody but the list uses while
/// it is in one.
pub unsafe trait Node {}

/// A cache line for each CPU, and its neighbour, which processors fetch along.
#[repr(align(128))]
struct Head(AtomicPtr<c_void>);

/// Free nodes, with a list for each of `CPUS` CPUs and one for all others. What one CPU
/// has given back, another does not find: give back where you take.
pub struct FreeList<T: Node, const CPUS: usize> {
    heads: [Head; CPUS],
    shared: UnsafeCell<*mut c_void>,
    lock: AtomicBool,
    nodes: PhantomData<*mut T>,
}

// SAFETY: nodes go from thread to thread; each has one holder.
unsafe impl<T: Node + Send, const CPUS: usize> Sync for FreeList<T, CPUS> {}
// SAFETY: likewise.
unsafe impl<T: Node + Send, const CPUS: usize> Send for FreeList<T, CPUS> {}

impl<T: Node, const CPUS: usize> Default for FreeList<T, CPUS> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Node, const CPUS: usize> FreeList<T, CPUS> {
    /// Returns a list without nodes.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            heads: [const { Head(AtomicPtr::new(null_mut())) }; CPUS],
            shared: UnsafeCell::new(null_mut()),
            lock: AtomicBool::new(false),
            nodes: PhantomData,
        }
    }

    /// Gives a node back.
    ///
    /// # Safety
    ///
    /// The node is in no list and nobody else uses it; its memory stays readable as long
    /// as the list lives, also while it is handed out.
    #[inline]
    pub unsafe fn push(&self, node: NonNull<T>) {
        let node = node.as_ptr().cast::<c_void>();
        if let Some(area) = Area::registered() {
            while let Some(cpu) = area.cpu() {
                let Some(head) = self.heads.get(cpu as usize) else {
                    break;
                };
                // SAFETY: the calling thread's registered area, the CPU's own list, and
                // the caller's node.
                let outcome = unsafe { arch::push(area.address(), cpu, head.0.as_ptr(), node) };
                if outcome == Outcome::Committed {
                    return;
                }
            }
        }
        self.with_shared(|first| {
            // SAFETY: a node begins with its link.
            unsafe { node.cast::<*mut c_void>().write(*first) };
            *first = node;
        });
    }

    /// Takes a node that this CPU, or a thread without one, has given back.
    #[inline]
    pub fn pop(&self) -> Option<NonNull<T>> {
        if let Some(area) = Area::registered() {
            while let Some(cpu) = area.cpu() {
                let Some(head) = self.heads.get(cpu as usize) else {
                    break;
                };
                // SAFETY: the calling thread's registered area and the CPU's own list,
                // whose nodes stay readable.
                let (outcome, node) = unsafe { arch::pop(area.address(), cpu, head.0.as_ptr()) };
                match (outcome, NonNull::new(node.cast())) {
                    (Outcome::Aborted, _) => {}
                    (Outcome::Committed, Some(node)) => return Some(node),
                    (Outcome::Committed, None) => break,
                }
            }
        }
        self.with_shared(|first| {
            let node = NonNull::new(first.cast::<T>())?;
            // SAFETY: a node of the list, which begins with its link.
            *first = unsafe { node.as_ptr().cast::<*mut c_void>().read() };
            Some(node)
        })
    }

    fn with_shared<R>(&self, act: impl FnOnce(&mut *mut c_void) -> R) -> R {
        while self.lock.swap(true, Ordering::Acquire) {
            spin_loop();
        }
        // SAFETY: this thread holds the lock.
        let answer = act(unsafe { &mut *self.shared.get() });
        self.lock.store(false, Ordering::Release);
        answer
    }
}
