//! Room for what a load will bring: the names that are needed, and by whom.

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

/// What is still to be looked at, and everything that was. Zeroes are an empty
/// one.
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
    /// Forgets everything.
    pub fn clear(&mut self) {
        (self.used, self.count, self.done) = (0, 0, 0);
        self.directories.forget();
    }

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

    /// No name is on the list.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The next name of the list.
    pub fn next(&mut self) -> Option<Needed> {
        let next = *self.names.get(..self.count)?.get(self.done)?;
        self.done += 1;
        Some(next)
    }
}
