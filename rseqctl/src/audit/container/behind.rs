//! What stands behind the end of something else: of a program, or of a script.

use tls_model::elf::Source as _;

use super::bytes::Bytes;
use super::zip;

/// What stands behind an object.
pub(in crate::audit) enum Behind {
    Nothing,
    Zip,
    /// A squashfs file system.
    FileSystem,
}

impl Behind {
    /// Looks behind an object that ends at `end`.
    pub(in crate::audit) fn object(bytes: Bytes<'_>, end: u64) -> Self {
        if bytes.len() <= end {
            return Self::Nothing;
        }
        let mut magic = [0; 4];
        if matches!(bytes.read_at(end, &mut magic), Ok(4)) && magic == *b"hsqs" {
            return Self::FileSystem;
        }
        if ends_as_zip(bytes) {
            Self::Zip
        } else {
            Self::Nothing
        }
    }
}

/// Returns whether a zip archive ends where the bytes end.
pub(in crate::audit) fn ends_as_zip(bytes: Bytes<'_>) -> bool {
    zip::is_at_end(bytes)
}
