//! Room for what a load will bring, fetched only where something new is needed
//! by something new: most loads end before.
//!
//! # Safety
//!
//! What this module owes: the mapping is the owner's alone and goes with it.

use core::ptr::null_mut;

use crate::kernel;

use super::directories::Directories;

/// Bytes of text.
const TEXT: usize = 48 * 1024;
/// Objects to look at in one load.
const NAMES: usize = 512;

/// A piece of [`Room::text`].
#[derive(Clone, Copy, Default)]
#[repr(C)]
pub struct Span {
    start: u32,
    length: u32,
}

/// Where a name was needed: zeroes stand for the caller of dlopen.
#[derive(Clone, Copy, Default)]
#[repr(C)]
pub struct Needer {
    /// Its directory.
    pub origin: Span,
    /// Its DT_RUNPATH, else its DT_RPATH.
    pub path: Span,
}

/// A name that is needed.
#[derive(Clone, Copy, Default)]
#[repr(C)]
pub struct Needed {
    /// The name.
    pub name: Span,
    /// By whom.
    pub by: Needer,
}

/// What is still to be looked at, and everything that was.
#[repr(C)]
pub struct Room {
    used: usize,
    count: usize,
    done: usize,
    names: [Needed; NAMES],
    text: [u8; TEXT],
    /// The caller's search list, once it has been asked for.
    pub directories: Directories,
}

impl Room {
    /// Keeps text.
    pub fn store(&mut self, text: &[u8]) -> Option<Span> {
        let place = self.text.get_mut(self.used..)?.get_mut(..text.len())?;
        for (to, from) in place.iter_mut().zip(text) {
            *to = *from;
        }
        let span = Span {
            start: self.used as u32,
            length: text.len() as u32,
        };
        self.used += text.len();
        Some(span)
    }

    /// The text again.
    pub fn text(&self, span: Span) -> &[u8] {
        let rest = self.text.get(span.start as usize..).unwrap_or_default();
        rest.get(..span.length as usize).unwrap_or_default()
    }

    /// Puts a name on the list unless it is there.
    pub fn need(&mut self, name: &[u8], by: Needer) {
        let known = self.names.get(..self.count).unwrap_or_default();
        if known.iter().any(|needed| self.text(needed.name) == name) {
            return;
        }
        // what finds no room is not looked at; it is seen when it is loaded
        let Some(name) = self.store(name) else {
            return;
        };
        if let Some(place) = self.names.get_mut(self.count) {
            *place = Needed { name, by };
            self.count += 1;
        }
    }

    /// The next name of the list.
    pub fn next(&mut self) -> Option<Needed> {
        let next = *self.names.get(..self.count)?.get(self.done)?;
        self.done += 1;
        Some(next)
    }
}

/// A [`Room`], mapped when it is first used.
pub struct Memory(*mut Room);

impl Memory {
    /// Nothing mapped.
    pub const fn new() -> Self {
        Self(null_mut())
    }

    /// The room, if there is one yet.
    pub fn existing(&mut self) -> Option<&mut Room> {
        // SAFETY: null, or our own mapping.
        unsafe { self.0.as_mut() }
    }

    /// The room; none where there is no memory.
    pub fn room(&mut self) -> Option<&mut Room> {
        if self.0.is_null() {
            self.0 = kernel::map_anonymous(size_of::<Room>()).cast();
        }
        self.existing()
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        if !self.0.is_null() {
            // SAFETY: our own mapping, and its owner goes.
            unsafe { kernel::unmap(self.0.cast(), size_of::<Room>()) };
        }
    }
}
