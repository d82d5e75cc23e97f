//! What dlerror has said in the shim's words: each text once, and for good.
//!
//! A program may keep what dlerror returns until its thread calls the dynamic
//! linker again, and nothing tells the shim when that is. So a text never changes
//! once it is there.
//!
//! # Safety
//!
//! What this module owes: a place is written by whoever has taken it, and read
//! only when that is done.

#![allow(unsafe_code, reason = "texts are handed to C")]

use core::cell::UnsafeCell;
use core::ffi::c_char;
use core::sync::atomic::{AtomicU32, Ordering};

/// Bytes of a text with its terminating zero.
pub const LONGEST: usize = 480;
/// Different texts: one for each library that finds no room.
const PLACES: usize = 16;

const FREE: u32 = 0;
const TAKEN: u32 = 1;
const READY: u32 = 2;

struct Place {
    state: AtomicU32,
    text: UnsafeCell<[u8; LONGEST]>,
}

// SAFETY: written by whoever has made the state `TAKEN`, read when it is `READY`.
unsafe impl Sync for Place {}

#[unsafe(link_section = ".bss.rseq_large")]
static TEXTS: [Place; PLACES] = [const {
    Place {
        state: AtomicU32::new(FREE),
        text: UnsafeCell::new([0; LONGEST]),
    }
}; PLACES];

/// Returns the text as a C string that stays; `None` where it is too long, or all places
/// are taken.
pub fn keep(text: &[u8]) -> Option<*mut c_char> {
    if text.len() >= LONGEST {
        return None;
    }
    TEXTS.iter().find_map(|place| {
        let taken = place
            .state
            .compare_exchange(FREE, TAKEN, Ordering::Acquire, Ordering::Acquire);
        match taken {
            Ok(_) => {
                place.write(text);
                place.state.store(READY, Ordering::Release);
            }
            // somebody who writes is not waited for
            Err(READY) if place.holds(text) => {}
            Err(_) => return None,
        }
        Some(place.text.get().cast())
    })
}

impl Place {
    fn write(&self, text: &[u8]) {
        // SAFETY: taken by the caller alone.
        let place = unsafe { &mut *self.text.get() };
        for (to, from) in place.iter_mut().zip(text) {
            *to = *from;
        }
    }

    fn holds(&self, text: &[u8]) -> bool {
        // SAFETY: ready, so it does not change any more.
        let place = unsafe { &*self.text.get() };
        place.starts_with(text) && place.get(text.len()) == Some(&0)
    }
}
