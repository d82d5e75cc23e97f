//! One program header, and those that are wanted more than once.

/// One program header; offsets, addresses and sizes in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// `p_type` (`PT_*`).
    pub kind: u32,
    /// `p_flags` (`PF_*`).
    pub flags: u32,
    /// File offset of the contents.
    pub offset: u64,
    /// Link-time address.
    pub vaddr: u64,
    /// Bytes in the file.
    pub filesz: u64,
    /// Bytes in memory.
    pub memsz: u64,
    /// Alignment in memory.
    pub align: u64,
}

/// The segments that are wanted more than once, found in one pass.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Landmarks {
    pub(super) tls: Option<Segment>,
    pub(super) dynamic: Option<Segment>,
    pub(super) interp: Option<Segment>,
    /// At least one `PT_NOTE`.
    pub(super) notes: bool,
}
