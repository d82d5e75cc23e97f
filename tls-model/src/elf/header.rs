//! The ELF header.

use goblin::elf::header::{self, header32, header64};

use super::Error;
use super::layout::{Field, Layout, field};

macro_rules! header_field {
    ($name:ident) => {
        const { field!(header32::Header, header64::Header, $name) }
    };
}

/// The fields of the ELF header that the readers need; offsets and sizes in
/// bytes, tables in file offsets.
#[derive(Clone, Copy, Debug)]
pub struct Header {
    /// `e_type` (`ET_*`).
    pub kind: u16,
    /// `e_machine` (`EM_*`).
    pub machine: u16,
    pub(super) phoff: u64,
    pub(super) phentsize: u64,
    pub(super) phnum: u64,
    pub(super) shoff: u64,
    pub(super) shentsize: u64,
    pub(super) shnum: u64,
    pub(super) shstrndx: u64,
}

impl Header {
    /// Decodes the header at the start of `bytes`.
    pub(super) fn parse(bytes: &[u8]) -> Result<(Layout, Self), Error> {
        let magic = bytes.get(..header::SELFMAG).ok_or(Error::NotElf)?;
        if magic != header::ELFMAG {
            return Err(Error::NotElf);
        }
        let layout = Layout::from_ident(bytes)?;
        let size = layout.pick(header32::SIZEOF_EHDR, header64::SIZEOF_EHDR);
        let record = bytes.get(..size).ok_or(Error::Truncated)?;
        let get = |field: Field| layout.get(field, record);
        Ok((
            layout,
            Self {
                kind: get(header_field!(e_type)) as u16,
                machine: get(header_field!(e_machine)) as u16,
                phoff: get(header_field!(e_phoff)),
                phentsize: get(header_field!(e_phentsize)),
                phnum: get(header_field!(e_phnum)),
                shoff: get(header_field!(e_shoff)),
                shentsize: get(header_field!(e_shentsize)),
                shnum: get(header_field!(e_shnum)),
                shstrndx: get(header_field!(e_shstrndx)),
            },
        ))
    }
}
