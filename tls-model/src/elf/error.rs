//! Why an object, or one of its tables, could not be read.

use core::fmt;

use super::ReadError;

/// Why an object, or one of its tables, could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// The first four bytes are not ELF's.
    NotElf,
    /// The bytes end before the table does.
    Truncated,
    /// `EI_CLASS` is neither 32 nor 64 bits; the value found.
    Class(u8),
    /// `EI_DATA` is neither of the two byte orders; the value found.
    Encoding(u8),
    /// A table contradicts itself or points outside every segment.
    Damaged,
    /// A string does not fit the caller's buffer.
    TooLong,
    /// The source could not be read.
    Read(ReadError),
}

impl From<ReadError> for Error {
    fn from(error: ReadError) -> Self {
        Self::Read(error)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotElf => f.write_str("not an ELF object"),
            Self::Truncated => f.write_str("truncated: it ends before its tables do"),
            Self::Class(class) => write!(f, "unsupported ELF class {class}"),
            Self::Encoding(encoding) => write!(f, "unsupported ELF byte order {encoding}"),
            Self::Damaged => f.write_str("damaged: a table contradicts itself"),
            Self::TooLong => f.write_str("a string in it is too long"),
            Self::Read(error) if error.errno == 0 => f.write_str("it could not be read"),
            Self::Read(error) => write!(f, "read error {}", error.errno),
        }
    }
}

impl core::error::Error for Error {}
