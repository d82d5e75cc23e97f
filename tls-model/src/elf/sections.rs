//! Section headers.

use core::ops::ControlFlow;

use goblin::elf::section_header::{self, section_header32, section_header64};

use super::layout::{Field, Layout, field};
use super::table::{CHUNK, Table};
use super::{Error, Object, Source};

macro_rules! section_field {
    ($name:ident) => {
        const {
            field!(
                section_header32::SectionHeader,
                section_header64::SectionHeader,
                $name
            )
        }
    };
}

/// One section header; offsets, addresses and sizes in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Section {
    /// `sh_name`: offset of the name in the section name table.
    pub name: u64,
    /// `sh_type` (`SHT_*`).
    pub kind: u32,
    /// `sh_flags` (`SHF_*`).
    pub flags: u64,
    /// Link-time address, 0 in relocatable objects.
    pub address: u64,
    /// File offset of the contents.
    pub offset: u64,
    /// Bytes in the file, or in memory for `SHT_NOBITS`.
    pub size: u64,
    /// `sh_link`: for a symbol table the index of its string table.
    pub link: u64,
    /// `sh_info`.
    pub info: u64,
    /// Bytes from one entry to the next.
    pub entsize: u64,
}

impl Section {
    fn decode(layout: Layout, record: &[u8]) -> Self {
        let get = |field: Field| layout.get(field, record);
        Self {
            name: get(section_field!(sh_name)),
            kind: get(section_field!(sh_type)) as u32,
            flags: get(section_field!(sh_flags)),
            address: get(section_field!(sh_addr)),
            offset: get(section_field!(sh_offset)),
            size: get(section_field!(sh_size)),
            link: get(section_field!(sh_link)),
            info: get(section_field!(sh_info)),
            entsize: get(section_field!(sh_entsize)),
        }
    }
}

impl<S: Source> Object<S> {
    /// Calls `visit` with every section header, the first (empty) one
    /// included, until it breaks. An object that is loaded has none.
    ///
    /// # Errors
    ///
    /// The headers before the damage have been visited.
    pub fn sections<B>(
        &self,
        mut visit: impl FnMut(u64, Section) -> ControlFlow<B>,
    ) -> Result<Option<B>, Error> {
        if !self.has_sections() {
            return Ok(None);
        }
        let layout = self.layout;
        let count = match self.header.shnum {
            // more than e_shnum can hold: the first header's sh_size has it
            0 => self.section(0)?.size,
            count => count,
        };
        self.records::<CHUNK, _>(self.section_table(count)?, |index, record| {
            visit(index, Section::decode(layout, record))
        })
    }

    /// Returns whether section headers can be read at all.
    #[must_use]
    pub fn has_sections(&self) -> bool {
        self.header.shoff != 0 && self.bias.is_none()
    }

    fn section_table(&self, count: u64) -> Result<Table, Error> {
        let least = self.section_size();
        Table::new(
            self.header.shoff,
            count,
            self.header.shentsize,
            least as u64,
        )
    }

    fn section_size(&self) -> usize {
        self.layout
            .pick(section_header32::SIZEOF_SHDR, section_header64::SIZEOF_SHDR)
    }

    /// Returns one section header by its index.
    ///
    /// # Errors
    ///
    /// The index is outside the file.
    pub fn section(&self, index: u64) -> Result<Section, Error> {
        if !self.has_sections() {
            return Err(Error::Damaged);
        }
        let mut buf = [0; section_header64::SIZEOF_SHDR];
        let record = buf.get_mut(..self.section_size()).ok_or(Error::Damaged)?;
        // one record more than wanted is never read: the count only has to
        // admit the index
        let table = self.section_table(index.checked_add(1).ok_or(Error::Damaged)?)?;
        self.read_exact(table.offset_of(index)?, record)?;
        Ok(Section::decode(self.layout, record))
    }

    /// Returns the section that holds the section names.
    ///
    /// # Errors
    ///
    /// There is none, or its header is outside the file.
    pub fn section_names(&self) -> Result<Section, Error> {
        // the others will be asked for, too
        let bytes = self.header.shnum.saturating_mul(self.header.shentsize);
        self.expect(self.header.shoff, bytes);
        let index = match self.header.shstrndx {
            // more than e_shstrndx can hold: the first header's sh_link has it
            index if index == u64::from(section_header::SHN_XINDEX) => self.section(0)?.link,
            index => index,
        };
        self.section(index)
    }
}
