//! String tables.

/// A string table in the file: offset and size in bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Strings {
    pub(crate) offset: u64,
    pub(crate) size: u64,
}
