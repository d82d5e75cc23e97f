//! Bytes of an object that are read one after the other.

use super::strings::Strings;
use super::table::{MOST_BYTES, SMALL_CHUNK};
use super::{Error, Object, Source};

/// Bytes that are read from front to back.
pub(crate) struct Cursor<'a, S> {
    object: &'a Object<S>,
    /// Where the next piece starts, and where the bytes end.
    at: u64,
    end: u64,
    piece: [u8; SMALL_CHUNK],
    next: usize,
    len: usize,
}

impl<S: Source> Cursor<'_, S> {
    /// Returns whether there is another byte.
    pub(crate) fn has_more(&self) -> bool {
        self.next < self.len || self.at < self.end
    }

    /// Returns the next byte.
    pub(crate) fn byte(&mut self) -> Result<u8, Error> {
        if self.next >= self.len {
            let rest = usize::try_from(self.end.saturating_sub(self.at)).unwrap_or(usize::MAX);
            let wanted = rest.min(SMALL_CHUNK);
            if wanted == 0 {
                return Err(Error::Damaged);
            }
            let piece = self.piece.get_mut(..wanted).ok_or(Error::Damaged)?;
            self.len = self.object.read_some(self.at, piece)?;
            self.at = self.at.saturating_add(self.len as u64);
            self.next = 0;
        }
        let byte = self
            .piece
            .get(..self.len)
            .and_then(|piece| piece.get(self.next));
        self.next = self.next.saturating_add(1);
        byte.copied().ok_or(Error::Truncated)
    }
}

impl<S: Source> Object<S> {
    /// Reads a part of the file from front to back.
    pub(crate) fn cursor(&self, part: Strings) -> Result<Cursor<'_, S>, Error> {
        if part.size > MOST_BYTES {
            return Err(Error::Damaged);
        }
        self.expect(part.offset, part.size);
        Ok(Cursor {
            object: self,
            at: part.offset,
            end: part.offset.checked_add(part.size).ok_or(Error::Damaged)?,
            piece: [0; SMALL_CHUNK],
            next: 0,
            len: 0,
        })
    }
}
