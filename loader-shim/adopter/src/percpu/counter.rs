//! A number that many threads add to.
//!
//! # Safety
//!
//! What this module owes: a place is written to by critical sections on its own CPU
//! only.

#![allow(unsafe_code, reason = "critical sections write to a number")]

use core::sync::atomic::{AtomicU64, Ordering};

use crate::arch::{self, Outcome};
use crate::area::Area;

/// A cache line for each CPU, and its neighbour, which processors fetch along.
#[repr(align(128))]
struct Place(AtomicU64);

/// A counter with a place for each of `CPUS` CPUs, and one for all others.
pub struct Counter<const CPUS: usize> {
    places: [Place; CPUS],
    shared: Place,
}

impl<const CPUS: usize> Default for Counter<CPUS> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const CPUS: usize> Counter<CPUS> {
    /// Returns a counter of zero.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            places: [const { Place(AtomicU64::new(0)) }; CPUS],
            shared: Place(AtomicU64::new(0)),
        }
    }

    /// Adds to it; wraps around.
    #[inline]
    pub fn add(&self, amount: u64) {
        if let Some(area) = Area::registered() {
            while let Some(cpu) = area.cpu() {
                let Some(place) = self.places.get(cpu as usize) else {
                    break;
                };
                // SAFETY: the calling thread's registered area, and the CPU's own
                // number, which only this function writes to.
                let outcome = unsafe { arch::add(area.address(), cpu, place.0.as_ptr(), amount) };
                if outcome == Outcome::Committed {
                    return;
                }
            }
        }
        self.shared.0.fetch_add(amount, Ordering::Relaxed);
    }

    /// Returns the sum of all places. What is added meanwhile may be in it or not.
    #[must_use]
    pub fn sum(&self) -> u64 {
        let places = self.places.iter().chain([&self.shared]);
        places.fold(0, |sum, place| {
            sum.wrapping_add(place.0.load(Ordering::Relaxed))
        })
    }
}
