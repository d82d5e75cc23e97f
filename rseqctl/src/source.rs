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

    /// Length of the file in bytes, now.
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

/// Bytes read ahead at once. The readers of tables take 4 KiB at a time.
const AHEAD: usize = 64 << 10;

/// A file whose tables are read from front to back: reads that follow one
/// another are served from one larger read.
#[derive(Debug)]
pub(crate) struct ReadAhead<'a> {
    file: &'a FileSource,
    state: RefCell<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Where the last read ended.
    end: u64,
    start: u64,
    bytes: Vec<u8>,
}

impl<'a> ReadAhead<'a> {
    pub(crate) fn new(file: &'a FileSource) -> Self {
        Self {
            file,
            state: RefCell::default(),
        }
    }
}

impl Source for ReadAhead<'_> {
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<usize, ReadError> {
        let mut state = self.state.borrow_mut();
        let near = offset.abs_diff(state.end) <= 256;
        state.end = offset.saturating_add(buf.len() as u64);
        let within = |state: &State| {
            let from = usize::try_from(offset.checked_sub(state.start)?).ok()?;
            state
                .bytes
                .get(from..from.checked_add(buf.len())?)
                .map(|_| from)
        };
        let mut from = within(&state);
        if from.is_none() && near && buf.len() < AHEAD {
            let mut bytes = std::mem::take(&mut state.bytes);
            bytes.resize(AHEAD, 0);
            let count = self.file.read_at(offset, &mut bytes)?;
            bytes.truncate(count);
            (state.start, state.bytes) = (offset, bytes);
            from = within(&state);
        }
        match from.and_then(|from| state.bytes.get(from..from + buf.len())) {
            Some(bytes) => {
                buf.copy_from_slice(bytes);
                Ok(buf.len())
            }
            None => self.file.read_at(offset, buf),
        }
    }
}
