//! Reads that have an end.

use std::cell::Cell;

use tls_model::elf::{ReadError, Source};

/// Bytes that count their reads, and fail the test behind the last that is
/// allowed: what reads without end is found so, and not by a clock.
pub struct Counted<'a> {
    bytes: &'a [u8],
    left: Cell<u64>,
}

impl<'a> Counted<'a> {
    /// Allows `most` reads.
    #[must_use]
    pub fn new(bytes: &'a [u8], most: u64) -> Self {
        Self {
            bytes,
            left: Cell::new(most),
        }
    }
}

impl Source for Counted<'_> {
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<usize, ReadError> {
        let left = self.left.get().checked_sub(1);
        self.left.set(left.expect("reads without end"));
        self.bytes.read_at(offset, buf)
    }
}
