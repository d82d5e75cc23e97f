//! Files that have been looked at and bring nothing: one question to the kernel
//! instead of a look.
//!
//! Only files that define nothing for others and need only what the program
//! started with: nothing that happens later can change that, and a changed file
//! is another one.

use core::ffi::CStr;
use core::sync::atomic::{AtomicU64, Ordering};

use crate::kernel;

const PLACES: usize = 64;

/// One file, or displaced by another.
struct Place {
    /// Hash of what tells files apart; 0 for none.
    identity: AtomicU64,
    /// Bytes of thread-local storage. It is only for advice, so it does not
    /// matter when another file has just displaced this one.
    thread_local: AtomicU64,
}

static HARMLESS: [Place; PLACES] = [const {
    Place {
        identity: AtomicU64::new(0),
        thread_local: AtomicU64::new(0),
    }
}; PLACES];

/// Mixes numbers into a hash: a multiplication and a rotation each, enough to
/// spread some hundred bits over 64.
fn mix(hash: u64, parts: &[u64]) -> u64 {
    parts
        .iter()
        .fold(hash ^ 0x9e37_79b9_7f4a_7c15_u64, |hash, part| {
            (hash ^ part)
                .wrapping_mul(0xff51_afd7_ed55_8ccd)
                .rotate_left(29)
        })
}

/// What tells a file from all others, and from itself after a change.
#[derive(Clone, Copy)]
pub struct Identity(u64);

impl Identity {
    /// The identity of the file at this path.
    pub fn of(path: &CStr) -> Option<Self> {
        let status = kernel::status(path)?;
        let parts = [
            status.st_dev,
            status.st_ino,
            status.st_size as u64,
            status.st_mtime as u64,
            status.st_mtime_nsec as u64,
            status.st_ctime as u64,
            status.st_ctime_nsec as u64,
        ];
        Some(Self(mix(0, &parts) | 1))
    }

    /// One for several paths: files, directories, and what is not there.
    pub fn of_all<'p>(paths: impl Iterator<Item = &'p CStr>) -> Self {
        let hash = paths.fold(0, |hash, path| {
            mix(hash, &[Self::of(path).map_or(0, |identity| identity.0)])
        });
        Self(hash | 1)
    }

    /// As a number that is not 0.
    pub fn number(self) -> u64 {
        self.0
    }

    /// Bytes of thread-local storage, where the file was looked at before and is
    /// as it was.
    pub fn if_harmless(self) -> Option<u64> {
        let place = self.place();
        let known = place.identity.load(Ordering::Acquire) == self.0;
        known.then(|| place.thread_local.load(Ordering::Relaxed))
    }

    /// It was looked at now.
    pub fn remember(self, thread_local: u64) {
        let place = self.place();
        place.thread_local.store(thread_local, Ordering::Relaxed);
        place.identity.store(self.0, Ordering::Release);
    }

    fn place(self) -> &'static Place {
        &HARMLESS[(self.0 >> 32) as usize % PLACES]
    }
}
