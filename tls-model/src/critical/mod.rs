//! Critical sections: the descriptors (`struct rseq_cs`) of an object, read as
//! they stand in memory when it runs, and what the kernel demands of them.
//!
//! What their code does is read by the crate `rseq-code`, which has a decoder
//! and which the preload shim does not link.

mod check;
mod contents;
mod offence;
mod pointers;
mod visit;

pub use check::{kernel_checks, signature_of};
pub use offence::{Critical, Offence, Violation};
pub use visit::{MOST_DESCRIPTORS, Visited};

/// A place in an object.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// In relocatable objects the index of the section, else 0.
    pub section: u16,
    /// Link-time address; in relocatable objects the offset in the section.
    pub address: u64,
}

/// Where the bytes of a place are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Contents {
    /// File offset.
    pub offset: u64,
    /// Bytes of the file that follow in the same segment or section.
    pub rest: u64,
    /// They can be executed.
    pub executable: bool,
}

/// One `struct rseq_cs`, relocated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CriticalSection {
    /// Where the descriptor stands.
    pub descriptor: Place,
    /// `version`: 0.
    pub version: u32,
    /// `flags`: 0, or `RSEQ_CS_FLAG_NO_RESTART_*` before Linux 6.1.
    pub flags: u32,
    /// `start_ip`: the first instruction.
    pub start: Place,
    /// `post_commit_offset`: bytes from the first instruction to the end of the
    /// committing one.
    pub length: u64,
    /// `abort_ip`: where the kernel sends the thread.
    pub abort: Place,
    /// The 32 bits before the abort handler, in the object's byte order; none
    /// where the object has no such bytes.
    pub signature: Option<u32>,
    /// It was found through `__rseq_cs_ptr_array`, outside `__rseq_cs`.
    pub through_pointer: bool,
}

impl CriticalSection {
    /// Returns whether an address is in the section, as the kernel compares it.
    #[must_use]
    pub fn contains(&self, place: Place) -> bool {
        place.section == self.start.section
            && place.address.wrapping_sub(self.start.address) < self.length
    }

    /// Returns whether the addresses are all zeros: padding, or the code went away when
    /// the linker dropped its section.
    #[must_use]
    pub fn is_void(&self) -> bool {
        self.start == Place::default() && self.abort == Place::default()
    }
}
