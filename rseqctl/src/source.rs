//! An open file as a source of ELF bytes.

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
    pub fn len(&self) -> io::Result<u64> {
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
