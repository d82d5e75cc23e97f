//! An open file as a source of ELF bytes.

use std::cell::RefCell;
use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::unix::fs::FileExt;

use tls_model::elf::{ReadError, Source};

/// An open file, read with pread(2). Never mapped: a file that is truncated
/// while it is mapped would kill the reader.
#[derive(Debug)]
pub struct FileSource(File);

impl FileSource {
    /// Reads from `file`; its position does not matter and does not change.
    #[must_use]
    pub fn new(file: File) -> Self {
        Self(file)
    }

    /// Returns the length of the file in bytes, now.
    ///
    /// # Errors
    ///
    /// The operating system does not say.
    pub fn size(&self) -> io::Result<u64> {
        self.0.metadata().map(|metadata| metadata.len())
    }
}

impl Source for FileSource {
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<usize, ReadError> {
        // pread takes a signed offset; what lies behind its reach is no byte of
        // any file
        if i64::try_from(offset).is_err() {
            return Ok(0);
        }
        let mut count = 0;
        while count < buf.len() {
            match self.0.read_at(&mut buf[count..], offset + count as u64) {
                Ok(0) => break,
                Ok(more) => count += more,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => {
                    return Err(ReadError {
                        errno: error.raw_os_error().unwrap_or(0),
                    });
                }
            }
        }
        Ok(count)
    }
}

/// Most bytes that are read at once.
const MOST: u64 = 64 << 10;

/// Stretches that are remembered at a time: a table and the strings that it
/// refers to are read in turn.
const STRETCHES: usize = 4;

/// Memory for reading ahead, for one file at a time: 256 KiB when all of it has
/// been in use. Kept from file to file, because making it costs more than most
/// files do.
#[derive(Debug, Default)]
pub(crate) struct AheadMemory(RefCell<[Stretch; STRETCHES]>);

/// Bytes that will be asked for, and the part of them that has been read.
#[derive(Debug, Default)]
struct Stretch {
    /// Where the expected bytes end.
    expected_end: u64,
    /// Where those that were read start.
    start: u64,
    /// How many were read.
    len: usize,
    /// Higher is more recently used.
    used: u64,
    buffer: Vec<u8>,
}

impl Stretch {
    /// Returns whether `offset` is a byte that was read, or one of those to come.
    fn expects(&self, offset: u64) -> bool {
        (self.start..self.expected_end).contains(&offset)
    }

    /// Returns the bytes that were read, from `offset` on.
    fn held(&self, offset: u64) -> &[u8] {
        offset
            .checked_sub(self.start)
            .and_then(|from| usize::try_from(from).ok())
            .and_then(|from| self.buffer.get(from..self.len))
            .unwrap_or_default()
    }
}

/// A source that reads what is expected in few large pieces, and everything
/// else as it is asked for.
#[derive(Debug)]
pub(crate) struct ReadAhead<'a, S: ?Sized> {
    source: &'a S,
    memory: &'a AheadMemory,
}

impl<'a, S: Source + ?Sized> ReadAhead<'a, S> {
    /// Reads from `source`; what `memory` holds of another one is forgotten.
    pub(crate) fn new(source: &'a S, memory: &'a AheadMemory) -> Self {
        for stretch in memory.0.borrow_mut().iter_mut() {
            (stretch.start, stretch.expected_end) = (0, 0);
            (stretch.len, stretch.used) = (0, 0);
        }
        Self { source, memory }
    }
}

impl<S: Source + ?Sized> Source for ReadAhead<'_, S> {
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<usize, ReadError> {
        self.memory.read_at(self.source, offset, buf)
    }

    fn expect(&self, offset: u64, len: u64) {
        self.memory.expect(offset, len);
    }
}

impl AheadMemory {
    /// Reads from `source`, which is always the same one.
    pub(crate) fn read_at<S: Source + ?Sized>(
        &self,
        source: &S,
        offset: u64,
        buf: &mut [u8],
    ) -> Result<usize, ReadError> {
        let mut stretches = self.0.borrow_mut();
        let newest = stretches.iter().map(|it| it.used).max().unwrap_or(0);
        let Some(stretch) = stretches.iter_mut().find(|it| it.expects(offset)) else {
            return source.read_at(offset, buf);
        };
        if stretch.held(offset).len() < buf.len() {
            // a short table is read from its start, whatever is asked for first
            let is_short = stretch.len == 0 && stretch.expected_end - stretch.start <= MOST;
            let start = if is_short { stretch.start } else { offset };
            let rest = (stretch.expected_end - start).min(MOST) as usize;
            if rest <= buf.len() {
                // wanted in one piece: no use for a copy
                return source.read_at(offset, buf);
            }
            if stretch.buffer.is_empty() {
                stretch.buffer.resize(MOST as usize, 0);
            }
            (stretch.start, stretch.len) = (start, 0);
            stretch.len = source.read_at(start, &mut stretch.buffer[..rest])?;
        }
        stretch.used = newest + 1;
        let held = stretch.held(offset);
        let count = held.len().min(buf.len());
        buf[..count].copy_from_slice(&held[..count]);
        Ok(count)
    }

    /// Notes what will be read, as [`Source::expect`] does.
    pub(crate) fn expect(&self, offset: u64, len: u64) {
        let mut stretches = self.0.borrow_mut();
        let end = offset.saturating_add(len);
        let newest = stretches.iter().map(|it| it.used).max().unwrap_or(0);
        let is_known = |it: &&mut Stretch| it.expects(offset) && end <= it.expected_end;
        let known = stretches.iter_mut().find(is_known);
        if let Some(stretch) = known {
            stretch.used = newest + 1;
        } else if let Some(oldest) = stretches.iter_mut().min_by_key(|it| it.used) {
            (oldest.start, oldest.expected_end) = (offset, end);
            (oldest.len, oldest.used) = (0, newest + 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    /// 300,000 bytes that count their reads.
    struct Counted(Cell<u32>);

    const LEN: u64 = 300_000;

    fn byte(at: u64) -> u8 {
        (at % 251) as u8
    }

    impl Source for Counted {
        fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<usize, ReadError> {
            self.0.set(self.0.get() + 1);
            let count = LEN.saturating_sub(offset).min(buf.len() as u64) as usize;
            for (at, byte_at) in buf[..count].iter_mut().zip(offset..) {
                *at = byte(byte_at);
            }
            Ok(count)
        }
    }

    /// Reads `len` bytes at `offset` and checks what comes.
    fn read(source: &dyn Source, offset: u64, len: usize) {
        let mut buf = vec![0; len];
        let count = source.read_at(offset, &mut buf).expect("a read");
        assert_eq!(count as u64, LEN.saturating_sub(offset).min(len as u64));
        let bytes = buf[..count].iter().zip(offset..);
        assert!(bytes.into_iter().all(|(found, at)| *found == byte(at)));
    }

    #[test]
    fn what_is_expected_is_read_in_large_pieces() {
        let (file, memory) = (Counted(Cell::new(0)), AheadMemory::default());
        let source = ReadAhead::new(&file, &memory);
        source.expect(10, 200_000);
        for piece in 0..48 {
            // as tables are read: pieces that overlap
            read(&source, 10 + piece * 4064, 4096);
        }
        assert_eq!(file.0.get(), 3);
        // what nobody has announced
        read(&source, 250_000, 10);
        assert_eq!(file.0.get(), 4);
    }

    #[test]
    fn tables_that_are_read_in_turn_do_not_disturb_each_other() {
        let (file, memory) = (Counted(Cell::new(0)), AheadMemory::default());
        let source = ReadAhead::new(&file, &memory);
        for start in [0, 100_000, 200_000] {
            source.expect(start, 50_000);
        }
        for piece in 0..40 {
            for start in [0, 100_000, 200_000] {
                read(&source, start + piece * 1000, 1000);
            }
        }
        assert_eq!(file.0.get(), 3);
        // a short one is read once, even when its end is asked for first
        source.expect(60_000, 6400);
        read(&source, 66_336, 64);
        read(&source, 60_000, 4096);
        assert_eq!(file.0.get(), 4);
        // another file
        let source = ReadAhead::new(&file, &memory);
        read(&source, 0, 1000);
        assert_eq!(file.0.get(), 5);
    }

    #[test]
    fn the_end_of_the_bytes_is_the_end() {
        let (file, memory) = (Counted(Cell::new(0)), AheadMemory::default());
        let source = ReadAhead::new(&file, &memory);
        source.expect(LEN - 100, u64::MAX);
        for offset in [LEN - 100, LEN - 50, LEN, LEN + 50, u64::MAX - 5] {
            read(&source, offset, 80);
        }
        source.expect(u64::MAX - 5, 100);
        read(&source, u64::MAX - 5, 10);
    }
}
