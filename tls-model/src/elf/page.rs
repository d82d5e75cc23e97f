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
    pub(super) fn read<S: Source>(source: &S) -> Result<Self, Error> {
        let mut bytes = [0; SIZE];
        let len = source.read_at(0, &mut bytes)?.min(SIZE);
        Ok(Self { bytes, len })
    }

    /// All that was read.
    pub(super) fn all(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }

    /// `len` bytes at `offset`, where the page holds all of them.
    pub(super) fn get(&self, offset: u64, len: usize) -> Option<&[u8]> {
        let start = usize::try_from(offset).ok()?;
        self.all().get(start..start.checked_add(len)?)
    }
}
