//! Bytes that can be read at any offset, wherever they are.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};

use tls_model::elf::{ReadError, Source};

use crate::audit::problem::read_error;
use crate::program::source::{AheadMemory, FileSource};

/// What is kept in memory; the rest goes to a temporary file without a name.
const MEMORY: u64 = 512 << 10;

/// A part of a file or of memory: `len` bytes from `start`.
#[derive(Clone, Copy)]
pub(in crate::audit) struct Bytes<'a> {
    source: &'a dyn Source,
    start: u64,
    len: u64,
}

impl<'a> Bytes<'a> {
    pub(in crate::audit) fn new(source: &'a dyn Source, len: u64) -> Self {
        Self {
            source,
            start: 0,
            len,
        }
    }

    /// Returns the length in bytes.
    pub(in crate::audit) fn len(self) -> u64 {
        self.len
    }

    /// Returns `len` bytes from `start`; what is behind the end is left out.
    pub(super) fn part(self, start: u64, len: u64) -> Self {
        let start = start.min(self.len);
        Self {
            source: self.source,
            start: self.start + start,
            len: len.min(self.len - start),
        }
    }

    /// Returns a reader of the bytes from front to back.
    pub(super) fn reader(self) -> Reader<'a> {
        Reader {
            bytes: self,
            position: 0,
        }
    }
}

impl Source for Bytes<'_> {
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<usize, ReadError> {
        let rest = self.len.saturating_sub(offset);
        let count = buf.len().min(usize::try_from(rest).unwrap_or(usize::MAX));
        match buf.get_mut(..count) {
            Some(wanted) if count != 0 => self.source.read_at(self.start + offset, wanted),
            _ => Ok(0),
        }
    }

    fn expect(&self, offset: u64, len: u64) {
        let rest = self.len.saturating_sub(offset);
        if rest != 0 {
            self.source.expect(self.start + offset, len.min(rest));
        }
    }
}

impl rawzip::ReaderAt for Bytes<'_> {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        Source::read_at(self, offset, buf).map_err(|error| read_error(error.errno))
    }
}

/// Reads a part from front to back.
pub(super) struct Reader<'a> {
    bytes: Bytes<'a>,
    position: u64,
}

impl Read for Reader<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let count = rawzip::ReaderAt::read_at(&self.bytes, buf, self.position)?;
        self.position += count as u64;
        Ok(count)
    }
}

impl Seek for Reader<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = match to {
            SeekFrom::Start(offset) => Some(offset),
            SeekFrom::Current(offset) => self.position.checked_add_signed(offset),
            SeekFrom::End(offset) => self.bytes.len.checked_add_signed(offset),
        };
        self.position = position.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.position)
    }
}

/// A member, kept while it is read at several offsets.
pub(super) enum Blob {
    Memory(Memory),
    Temporary(Box<Temporary>, u64),
}

impl Blob {
    /// Keeps all that `reader` gives.
    pub(super) fn spool(reader: &mut dyn Read) -> io::Result<Self> {
        let mut start = Vec::new();
        reader.take(MEMORY).read_to_end(&mut start)?;
        if (start.len() as u64) < MEMORY {
            return Ok(Self::Memory(Memory(start)));
        }
        let mut file = tempfile::tempfile()?;
        file.write_all(&start)?;
        let len = start.len() as u64;
        drop(start);
        let rest = io::copy(reader, &mut file)?;
        Ok(Self::of_file(file, len + rest))
    }

    /// Takes a temporary file of `len` bytes.
    pub(super) fn of_file(file: File, len: u64) -> Self {
        let file = Temporary {
            file: FileSource::new(file),
            memory: AheadMemory::default(),
        };
        Self::Temporary(Box::new(file), len)
    }

    pub(super) fn bytes(&self) -> Bytes<'_> {
        match self {
            Self::Memory(memory) => Bytes::new(memory, memory.0.len() as u64),
            Self::Temporary(file, len) => Bytes::new(&**file, *len),
        }
    }
}

/// A file without a name.
pub(super) struct Temporary {
    file: FileSource,
    memory: AheadMemory,
}

impl Source for Temporary {
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<usize, ReadError> {
        self.memory.read_at(&self.file, offset, buf)
    }

    fn expect(&self, offset: u64, len: u64) {
        self.memory.expect(offset, len);
    }
}

/// Bytes in memory.
pub(super) struct Memory(Vec<u8>);

impl Source for Memory {
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<usize, ReadError> {
        self.0.as_slice().read_at(offset, buf)
    }
}
