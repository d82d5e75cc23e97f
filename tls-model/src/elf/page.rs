//! The first bytes of an object, read once.

use super::{Error, Source};

/// Bytes read when an object is opened: the header, the program headers and
/// whatever else the linker put first are then at hand.
pub(super) const SIZE: usize = 4096;

/// The first bytes of an object.
#[derive(Clone, Debug)]
pub(super) struct Page {
    bytes: [u8; SIZE],
    len: usize,
}

impl Page {
    /// Nothing read yet.
    pub(super) const EMPTY: Self = Self {
        bytes: [0; SIZE],
        len: 0,
    };

    /// Reads in place: the stack is not ours.
    pub(super) fn fill<S: Source>(&mut self, source: &S) -> Result<(), Error> {
        self.len = source.read_at(0, &mut self.bytes)?.min(SIZE);
        Ok(())
    }

    /// Returns all that was read.
    pub(super) fn all(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }

    /// Returns `len` bytes at `offset`, where the page holds all of them.
    pub(super) fn get(&self, offset: u64, len: usize) -> Option<&[u8]> {
        let start = usize::try_from(offset).ok()?;
        self.all().get(start..start.checked_add(len)?)
    }
}
