//! Bare names that were looked for before, and led to nothing.
//!
//! What a search passes is its trail: the directories that did not have the
//! library, ld.so.cache, and the file that it found. As long as all of these are
//! as they were, the same caller finds the same file; and what that brings was
//! looked at (as in [`super::known`]). A file that somebody adds in the very
//! moment of the search may be missed, as it may be by the search itself.
//!
//! # Safety
//!
//! What this module owes: a place is used by whoever has marked it as taken, and
//! by nobody else. Whoever finds it taken goes on without it: nobody waits, so a
//! signal handler may come in between.

use core::cell::UnsafeCell;
use core::ffi::CStr;
use core::sync::atomic::{AtomicBool, Ordering};

use super::known::Identity;

/// Bytes of all paths of a trail.
const TEXT: usize = 384;
const PLACES: usize = 32;

/// What a search has passed.
#[derive(Clone, Copy)]
pub struct Trail {
    paths: [u8; TEXT],
    used: usize,
    /// Something is not in it.
    broken: bool,
}

impl Trail {
    /// Nothing passed yet.
    pub const NONE: Self = Self {
        paths: [0; TEXT],
        used: 0,
        broken: false,
    };

    /// Passes a file or directory. A relative one is another when the program
    /// goes elsewhere.
    pub fn pass(&mut self, path: &[u8]) {
        let end = self.used + path.len();
        let place = self.paths.get_mut(self.used..=end);
        let Some([place @ .., zero]) = place.filter(|_| path.starts_with(b"/")) else {
            self.broken = true;
            return;
        };
        place.copy_from_slice(path);
        *zero = 0;
        self.used = end + 1;
    }

    fn identity(&self) -> Identity {
        let paths = self.paths.get(..self.used).unwrap_or_default();
        let paths = paths.split_inclusive(|&byte| byte == 0);
        Identity::of_all(paths.filter_map(|path| CStr::from_bytes_with_nul(path).ok()))
    }
}

struct Place {
    taken: AtomicBool,
    search: UnsafeCell<Search>,
}

// SAFETY: only who has set `taken` touches the rest.
unsafe impl Sync for Place {}

struct Search {
    /// Who looked for what; 0 for none.
    key: u64,
    trail: Trail,
    /// Of the trail, then.
    identity: u64,
    /// Bytes of thread-local storage.
    thread_local: u64,
}

static SEARCHES: [Place; PLACES] = [const {
    Place {
        taken: AtomicBool::new(false),
        search: UnsafeCell::new(Search {
            key: 0,
            trail: Trail::NONE,
            identity: 0,
            thread_local: 0,
        }),
    }
}; PLACES];

/// Bytes of thread-local storage of what this name leads to, where the caller at
/// this return address has looked for it before and everything is as it was.
pub fn if_known(name: &[u8], caller: usize) -> Option<u64> {
    with_place(key_of(name, caller), |search, key| {
        let known = search.key == key && search.trail.identity().number() == search.identity;
        known.then_some(search.thread_local)
    })
    .flatten()
}

/// Remembers a search that has led to nothing. The caller must be something that
/// the program started with: its code stays where it is, and so does what it
/// searches.
pub fn remember(name: &[u8], caller: usize, trail: &Trail, thread_local: u64) {
    if trail.broken {
        return;
    }
    with_place(key_of(name, caller), |search, key| {
        *search = Search {
            key,
            trail: *trail,
            identity: trail.identity().number(),
            thread_local,
        };
    });
}

fn with_place<T>(key: u64, work: impl FnOnce(&mut Search, u64) -> T) -> Option<T> {
    let place = &SEARCHES[(key >> 32) as usize % PLACES];
    if place.taken.swap(true, Ordering::Acquire) {
        return None;
    }
    // SAFETY: taken by us.
    let answer = work(unsafe { &mut *place.search.get() }, key);
    place.taken.store(false, Ordering::Release);
    Some(answer)
}

/// FNV-1a over the name, from the caller on.
fn key_of(name: &[u8], caller: usize) -> u64 {
    let start = (caller as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    name.iter().fold(start, |hash, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    }) | 1
}
