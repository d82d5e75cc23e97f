//! Where an object's bytes come from.

/// Bytes that can be read at any offset: a file, a memory range, a slice.
///
/// Reads must not depend on a position and must not block for ever; an
/// implementation over a file uses `pread(2)`, never a mapping (a file that is
/// truncated while it is mapped kills the reader with `SIGBUS`).
pub trait Source {
    /// Fills `buf` from `offset` (bytes from the start of the object) and says
    /// how many bytes it got: fewer than asked for only where the bytes end.
    ///
    /// # Errors
    ///
    /// The error number of the read that failed. An interrupted read is the
    /// implementation's to repeat.
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<usize, ReadError>;

    /// Tells that `len` bytes from `offset` are going to be read soon, from
    /// front to back and in small pieces. An implementation may read them
    /// ahead, and need not: the default does nothing.
    fn expect(&self, offset: u64, len: u64) {
        let _ = (offset, len);
    }
}

/// A read that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadError {
    /// The positive `errno` value, 0 where the source has none.
    pub errno: i32,
}

impl Source for [u8] {
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<usize, ReadError> {
        let rest = usize::try_from(offset)
            .ok()
            .and_then(|offset| self.get(offset..))
            .unwrap_or_default();
        let count = rest.len().min(buf.len());
        for (to, from) in buf.iter_mut().zip(rest) {
            *to = *from;
        }
        Ok(count)
    }
}

impl<S: Source + ?Sized> Source for &S {
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<usize, ReadError> {
        (**self).read_at(offset, buf)
    }

    fn expect(&self, offset: u64, len: u64) {
        (**self).expect(offset, len);
    }
}
