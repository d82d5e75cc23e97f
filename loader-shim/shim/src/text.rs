//! Text in fixed buffers, and where it goes. No allocation, no `core::fmt`.
//!
//! # Safety
//!
//! What this module owes: a stored path is not changed once its length is
//! published.

#![allow(unsafe_code, reason = "paths are stored for all threads")]

use core::cell::UnsafeCell;
use core::ffi::CStr;
use core::sync::atomic::{AtomicUsize, Ordering};

use crate::kernel;

/// Bytes of text, cut off where the buffer ends.
pub struct Text<const CAPACITY: usize> {
    bytes: [u8; CAPACITY],
    length: usize,
}

impl<const CAPACITY: usize> Text<CAPACITY> {
    /// Returns an empty text.
    pub const fn new() -> Self {
        Self {
            bytes: [0; CAPACITY],
            length: 0,
        }
    }

    /// Empties it.
    pub fn clear(&mut self) {
        self.length = 0;
    }

    /// Returns the text so far.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }

    /// Appends bytes as they are.
    pub fn push(&mut self, bytes: &[u8]) -> &mut Self {
        for &byte in bytes {
            if let Some(place) = self.bytes.get_mut(self.length) {
                *place = byte;
                self.length += 1;
            }
        }
        self
    }

    /// Appends a number in decimal.
    pub fn push_number(&mut self, mut number: u64) -> &mut Self {
        let mut digits = [0; 20];
        let mut first = digits.len();
        for place in digits.iter_mut().rev() {
            *place = b'0' + (number % 10) as u8;
            number /= 10;
            first -= 1;
            if number == 0 {
                break;
            }
        }
        self.push(digits.get(first..).unwrap_or_default())
    }

    /// Writes all of it with as few calls as the kernel allows; usually one, so
    /// that lines of several processes do not mix.
    pub fn write_to(&self, descriptor: i32) {
        let mut rest = self.as_bytes();
        while !rest.is_empty() {
            let written = kernel::write_without_sigpipe(descriptor, rest);
            if written == -libc::EINTR as isize {
                continue;
            }
            if written <= 0 {
                return;
            }
            rest = rest.get(written as usize..).unwrap_or_default();
        }
    }
}

/// A path copied out of the environment, which programs may overwrite. Relative
/// paths are made absolute, because programs change directory.
pub struct StoredPath {
    buffer: &'static PathBuffer,
    length: AtomicUsize,
}

/// Room for a path: apart from its length, which every start reads.
pub struct PathBuffer(UnsafeCell<[u8; libc::PATH_MAX as usize]>);

// SAFETY: written once, by the constructor, before the `length` is published.
unsafe impl Sync for PathBuffer {}

impl PathBuffer {
    /// Returns one that is empty.
    pub const fn new() -> Self {
        Self(UnsafeCell::new([0; libc::PATH_MAX as usize]))
    }
}

impl StoredPath {
    /// Returns one without a path. The buffer is its own.
    pub const fn new(buffer: &'static PathBuffer) -> Self {
        Self {
            buffer,
            length: AtomicUsize::new(0),
        }
    }

    /// Copies `path`; a path that is too long counts as none.
    ///
    /// # Safety
    ///
    /// Called once, before any other thread may call [`Self::get`].
    pub unsafe fn set(&self, path: &CStr) {
        // SAFETY: nobody else looks yet.
        let buffer = unsafe { &mut *self.buffer.0.get() };
        let mut start = 0;
        if !path.to_bytes().starts_with(b"/") {
            let with_zero = kernel::getcwd(buffer);
            if with_zero < 2 {
                return;
            }
            start = with_zero as usize - 1;
            if let Some(place) = buffer.get_mut(start) {
                *place = b'/';
            }
            start += 1;
        }
        let bytes = path.to_bytes_with_nul();
        let Some(place) = buffer.get_mut(start..start + bytes.len()) else {
            return;
        };
        for (to, from) in place.iter_mut().zip(bytes) {
            *to = *from;
        }
        self.length.store(start + bytes.len(), Ordering::Release);
    }

    /// Returns the path, if one was set.
    pub fn get(&self) -> Option<&CStr> {
        let length = self.length.load(Ordering::Acquire);
        // SAFETY: published, so no longer written.
        let buffer = unsafe { &*self.buffer.0.get() };
        CStr::from_bytes_with_nul(buffer.get(..length)?).ok()
    }
}
