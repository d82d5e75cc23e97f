//! The shim's own functions of `<string.h>`: every length and every distance that its
//! loops tell apart.
//!
//! Its source defines them by their names, hidden, so that this whole program uses them.
//!
//! # Safety
//!
//! What this module owes: ranges that are inside the buffers that it passes.

#![cfg(target_arch = "x86_64")]
#![allow(unsafe_code, reason = "functions of C are called")]

use std::ffi::{c_int, c_void};

#[path = "../../../../loader-shim/shim/src/arch/x86_64/memory.rs"]
mod memory;

// SAFETY: as in C17, 7.24, which the source promises to keep.
unsafe extern "C" {
    fn memmove(to: *mut c_void, from: *const c_void, count: usize) -> *mut c_void;
    fn memcpy(to: *mut c_void, from: *const c_void, count: usize) -> *mut c_void;
    fn memset(to: *mut c_void, byte: c_int, count: usize) -> *mut c_void;
    fn memcmp(one: *const c_void, other: *const c_void, count: usize) -> c_int;
    fn strlen(text: *const c_void) -> usize;
}

const LONGEST: usize = 40;

/// Bytes that are all different, with room on both sides of the middle.
fn different() -> Vec<u8> {
    (0..3 * LONGEST as u8).collect()
}

#[expect(clippy::manual_memcpy, reason = "not by the functions that are asked")]
#[test]
fn what_overlaps_is_moved_as_it_was() {
    for count in 0..=LONGEST {
        for to in 0..=2 * LONGEST {
            let (before, mut bytes) = (different(), different());
            let start = bytes.as_mut_ptr();
            // SAFETY: both ranges are inside.
            let answer = unsafe {
                let to = start.wrapping_add(to).cast();
                memmove(to, start.wrapping_add(LONGEST).cast(), count) == to
            };
            let mut expected = before.clone();
            for index in 0..count {
                expected[to + index] = before[LONGEST + index];
            }
            assert!(answer && bytes == expected, "{count} bytes to {to}");
        }
    }
}

#[test]
fn what_does_not_overlap_is_copied() {
    for count in 0..=LONGEST {
        let (from, mut to) = (different(), vec![255; LONGEST + 1]);
        // SAFETY: both are long enough.
        let answer = unsafe { memcpy(to.as_mut_ptr().cast(), from.as_ptr().cast(), count) };
        assert_eq!(answer, to.as_mut_ptr().cast());
        let (copied, rest) = to.split_at(count);
        assert_eq!(copied, &from[..count]);
        assert!(rest.iter().all(|&byte| byte == 255), "{count}");
    }
}

#[test]
fn all_is_set_and_nothing_else() {
    for count in 0..=LONGEST {
        let mut bytes = vec![1_u8; LONGEST + 1];
        // SAFETY: they are long enough. Of the int only the lowest byte counts.
        let answer = unsafe { memset(bytes.as_mut_ptr().cast(), 0x1ab, count) };
        assert_eq!(answer, bytes.as_mut_ptr().cast());
        let (set, rest) = bytes.split_at(count);
        assert!(set.iter().all(|&byte| byte == 0xab), "{count}");
        assert!(rest.iter().all(|&byte| byte == 1), "{count}");
    }
}

#[test]
fn the_first_difference_decides() {
    for count in 0..=LONGEST {
        let one = different();
        // SAFETY: both are long enough.
        let compare =
            |other: &[u8]| unsafe { memcmp(one.as_ptr().cast(), other.as_ptr().cast(), count) };
        let mut other = one.clone();
        other[count] = 255;
        assert_eq!(compare(&other), 0, "{count}");
        for place in 0..count {
            let mut other = one.clone();
            other[place] = 200;
            // what follows must not matter
            if let Some(next) = other.get_mut(place + 1) {
                *next = 0;
            }
            assert!(compare(&other) < 0, "{count} bytes, {place} differs");
        }
        let mut above = one.clone();
        above[0] = 0;
        above[1] = 0;
        if count > 1 {
            assert!(compare(&above) > 0, "{count}");
        }
    }
}

#[test]
fn a_text_ends_at_its_zero() {
    for length in 0..=LONGEST {
        let mut text = vec![b'x'; length];
        text.extend([0, b'y', 0]);
        // SAFETY: it has a zero.
        assert_eq!(unsafe { strlen(text.as_ptr().cast()) }, length);
    }
}
