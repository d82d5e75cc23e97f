//! Dynamic relocations.

use core::ops::ControlFlow;

use goblin::elf::dynamic::{DT_REL, DT_RELA};
use goblin::elf::reloc::{reloc32, reloc64};
use goblin::elf::section_header::{SHT_REL, SHT_RELA};

use super::layout::{Field, field};
use super::table::{CHUNK, Table};
use super::{Class, Error, Object, Section, Source};

macro_rules! relocation_field {
    ($name:ident) => {
        const { field!(reloc32::Rela, reloc64::Rela, $name) }
    };
}

/// One dynamic relocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Relocation {
    /// Link-time address of the place that it changes.
    pub offset: u64,
    /// Index of the dynamic symbol, 0 for none.
    pub symbol: u64,
    /// `R_*` of the machine.
    pub kind: u32,
    /// The addend; in REL tables it stands in the place itself.
    pub addend: Option<u64>,
}

impl<S: Source> Object<S> {
    /// Calls `visit` with every dynamic relocation until it breaks. Relative
    /// ones packed in `DT_RELR` have no symbol, and their value stands in the
    /// place itself as the link-time address that it is: they are left out.
    ///
    /// # Errors
    ///
    /// The relocations before the damage have been visited.
    pub fn relocations<B>(
        &self,
        mut visit: impl FnMut(Relocation) -> ControlFlow<B>,
    ) -> Result<Option<B>, Error> {
        let Some(&dynamic) = self.dynamic()? else {
            return Ok(None);
        };
        let tables = [
            (dynamic.rela, dynamic.rela_size, DT_RELA),
            (dynamic.rel, dynamic.rel_size, DT_REL),
            (dynamic.jmprel, dynamic.jmprel_size, dynamic.jmprel_kind),
        ];
        for (address, size, kind) in tables {
            let Some(address) = address.filter(|_| size != 0) else {
                continue;
            };
            let with_addend = kind != DT_REL;
            if let Some(value) = self.relocation_table(address, size, with_addend, &mut visit)? {
                return Ok(Some(value));
            }
        }
        Ok(None)
    }

    fn relocation_table<B>(
        &self,
        address: u64,
        size: u64,
        with_addend: bool,
        visit: &mut impl FnMut(Relocation) -> ControlFlow<B>,
    ) -> Result<Option<B>, Error> {
        let (offset, rest) = self.offset_of(address)?;
        self.relocations_at(offset, size.min(rest), with_addend, visit)
    }

    /// Calls `visit` with every relocation of a section of type `SHT_RELA` or
    /// `SHT_REL` until it breaks. In relocatable objects the relocation's
    /// offset counts from the start of the section that it changes
    /// (`sh_info`), and its symbol is one of the table `sh_link`.
    ///
    /// # Errors
    ///
    /// The relocations before the damage have been visited.
    pub fn section_relocations<B>(
        &self,
        section: &Section,
        mut visit: impl FnMut(Relocation) -> ControlFlow<B>,
    ) -> Result<Option<B>, Error> {
        let with_addend = match section.kind {
            SHT_RELA => true,
            SHT_REL => false,
            _ => return Ok(None),
        };
        self.relocations_at(section.offset, section.size, with_addend, &mut visit)
    }

    fn relocations_at<B>(
        &self,
        offset: u64,
        size: u64,
        with_addend: bool,
        visit: &mut impl FnMut(Relocation) -> ControlFlow<B>,
    ) -> Result<Option<B>, Error> {
        let layout = self.layout;
        let stride = if with_addend {
            layout.pick(reloc32::SIZEOF_RELA, reloc64::SIZEOF_RELA)
        } else {
            layout.pick(reloc32::SIZEOF_REL, reloc64::SIZEOF_REL)
        } as u64;
        let table = Table::from_size(offset, size, stride, stride)?;
        self.records::<CHUNK, _>(table, |_, record| {
            let get = |field: Field| layout.get(field, record);
            let info = get(relocation_field!(r_info));
            let (symbol, kind) = match layout.class {
                Class::Elf32 => (info >> 8, info & 0xff),
                Class::Elf64 => (info >> 32, info & 0xffff_ffff),
            };
            visit(Relocation {
                offset: get(relocation_field!(r_offset)),
                symbol,
                kind: kind as u32,
                addend: with_addend.then(|| get(relocation_field!(r_addend))),
            })
        })
    }
}
