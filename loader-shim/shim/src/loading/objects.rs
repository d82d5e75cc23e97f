//! What is loaded, as far as the loading rules ask.
//!
//! Everything here runs under the dynamic linker's lock of its list
//! (dl_iterate_phdr): nothing here calls the dynamic linker or the kernel, or
//! waits; it reads memory.
//!
//! # Safety
//!
//! What this module owes: objects are read while the dynamic linker's lock of its
//! list is held.

#![allow(unsafe_code, reason = "the dynamic linker's memory is read")]

use core::ffi::c_void;
use core::sync::atomic::{AtomicUsize, Ordering};

use super::dynamic::Dynamic;
use crate::process::{Loaded, Section, count_at_start, dynamic_section_of, each_object};

/// Objects that there were when the shim began: most often what the program started with.
static AT_FIRST: AtomicUsize = AtomicUsize::new(0);

/// Remembers how many objects there are.
pub fn begin(count: usize) {
    AT_FIRST.store(count, Ordering::Relaxed);
}

/// Returns whether the program most likely started with the object at this place in the
/// list. Good enough for what is said about it.
pub fn was_at_start(index: usize) -> bool {
    index < AT_FIRST.load(Ordering::Relaxed)
}

/// Shows every object with its place in the list, and whether the program certainly
/// started with it, until `visit` returns true.
pub fn each(mut visit: impl FnMut(usize, &Loaded<'_>, bool) -> bool) {
    let at_start = count_at_start();
    let mut next = 0;
    each_object(|loaded| {
        let index = next;
        next += 1;
        visit(index, loaded, index < at_start)
    });
}

/// Returns how many objects have been loaded so far, those that are gone included.
pub fn additions() -> u64 {
    let mut additions = 0;
    each_object(|loaded| {
        additions = loaded.info.dlpi_adds;
        true
    });
    additions
}

/// Looks several times at a list that does not change in between: its lock is
/// recursive.
pub fn in_one_look<T>(look: impl FnOnce() -> T) -> Option<T> {
    let mut look = Some(look);
    let mut answer = None;
    each_object(|_| {
        answer = look.take().map(|look| look());
        true
    });
    answer
}

/// Returns the object's thread-local storage.
pub fn tls<'a>(loaded: &'a Loaded<'_>) -> Option<&'a libc::Elf64_Phdr> {
    let mut headers = loaded.headers().iter();
    headers.find(|header| header.p_type == libc::PT_TLS)
}

/// Objects that are looked at: more than programs load.
const OBJECTS: usize = 1024;
/// Bits of a word.
const BITS: usize = u64::BITS as usize;

/// What a handle of dlopen(3) holds: its object and all that this needs, as far
/// as the program did not start with it. By place in the list, so it is good for
/// as long as the list does not change.
pub struct Held {
    held: Set,
    looked_at: Set,
}

struct Set([u64; OBJECTS / BITS]);

impl Set {
    /// Adds a place; returns whether it is new.
    fn insert(&mut self, index: usize) -> bool {
        let Some(word) = self.0.get_mut(index / BITS) else {
            return false;
        };
        let bit = 1 << (index % BITS);
        let is_new = *word & bit == 0;
        *word |= bit;
        is_new
    }

    /// Returns whether a place is in it. What is beyond the end is: better kept than unmapped.
    fn contains(&self, index: usize) -> bool {
        let word = self.0.get(index / BITS);
        word.is_none_or(|word| word >> (index % BITS) & 1 == 1)
    }
}

impl Held {
    /// Finds it, in one look. `None` for a handle of another namespace.
    pub fn by(handle: *mut c_void) -> Option<Self> {
        // SAFETY: as the caller says, the list does not change.
        let dynamic = unsafe { dynamic_section_of(handle) }?;
        let mut held = Self {
            held: Set([0; OBJECTS / BITS]),
            looked_at: Set([0; OBJECTS / BITS]),
        };
        each(|index, loaded, at_start| {
            let found = loaded.section().map(Section::address) == Some(dynamic);
            if found && !at_start {
                held.held.insert(index);
            }
            found
        });
        while held.add_needed() {}
        Some(held)
    }

    /// Returns whether the object at this place is held.
    pub fn contains(&self, index: usize) -> bool {
        self.held.contains(index)
    }

    /// Adds what the objects so far need. Returns whether there was one that had
    /// not been looked at.
    fn add_needed(&mut self) -> bool {
        let Self { held, looked_at } = self;
        let mut looked = false;
        each(|index, loaded, at_start| {
            if at_start || !held.contains(index) || !looked_at.insert(index) {
                return false;
            }
            looked = true;
            if let Some(dynamic) = Dynamic::of(loaded) {
                dynamic.each_needed(|name| add_named(held, name));
            }
            false
        });
        looked
    }
}

/// Adds what DT_NEEDED may mean by `name`: rather too much than too little.
fn add_named(held: &mut Set, name: &[u8]) {
    each(|index, loaded, at_start| {
        if !at_start && may_be_called(loaded, name) {
            held.insert(index);
        }
        false
    });
}

fn may_be_called(loaded: &Loaded<'_>, name: &[u8]) -> bool {
    let path = loaded.path().to_bytes();
    let base = path.rsplit(|&byte| byte == b'/').next();
    path == name
        || base == Some(name)
        || Dynamic::of(loaded).is_some_and(|dynamic| dynamic.soname() == Some(name))
}
