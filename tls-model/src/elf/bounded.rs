//! A source for objects that are not trusted.

use core::cell::Cell;

use super::{ReadError, Source};

/// Bytes that may be read of any object, however small it is.
const FREE: u64 = 1 << 20;

/// How many times over an object may be read. Sound ones are read once, the
/// relocations of a library with hundreds of critical sections a few times.
const TIMES: u64 = 64;

/// What is known of an object's size counts up to here, in bytes: there is no
/// larger object, but there are sparse files.
const LARGEST: u64 = 1 << 32;

/// What one read costs besides its bytes.
const READ: u64 = 32;

/// A source that ends the reading of an object whose tables lead to the same
/// bytes again and again: after 1 MiB, and 64 times the bytes up to the last
/// that was there to be read.
///
/// A table that is walked once for every entry of another takes a time that
/// grows with the square of the object's size. Sound objects are far from the
/// bound; a hostile one ends with a [`ReadError`] without a number, and
/// [`Bounded::is_spent`] tells why.
#[derive(Debug)]
pub struct Bounded<S> {
    source: S,
    spent: Cell<u64>,
    /// Where the bytes end, as far as is known.
    reach: Cell<u64>,
}

impl<S: Source> Bounded<S> {
    /// Reads one object from `source`.
    pub const fn new(source: S) -> Self {
        Self {
            source,
            spent: Cell::new(0),
            reach: Cell::new(0),
        }
    }

    /// Returns whether a read was refused.
    #[must_use]
    pub fn is_spent(&self) -> bool {
        let most = self.reach.get().min(LARGEST).saturating_mul(TIMES);
        self.spent.get() > most.saturating_add(FREE)
    }
}

impl<S: Source> Source for Bounded<S> {
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<usize, ReadError> {
        if self.is_spent() {
            return Err(ReadError { errno: 0 });
        }
        let count = self.source.read_at(offset, buf)?.min(buf.len());
        let cost = (count as u64).saturating_add(READ);
        self.spent.set(self.spent.get().saturating_add(cost));
        if count != 0 {
            let end = offset.saturating_add(count as u64);
            self.reach.set(self.reach.get().max(end));
        }
        Ok(count)
    }

    fn expect(&self, offset: u64, len: u64) {
        self.source.expect(offset, len);
    }
}
