//! Symbols, and the two symbol tables.

use core::ops::ControlFlow;

use goblin::elf::section_header::{SHN_UNDEF, SHT_DYNSYM};
use goblin::elf::sym::{sym32, sym64};

use super::layout::{Field, Layout, field};
use super::strings::Strings;
use super::table::{CHUNK, Table};
use super::{Dynamic, Error, Object, Section, Source};

macro_rules! symbol_field {
    ($name:ident) => {
        const { field!(sym32::Sym, sym64::Sym, $name) }
    };
}

/// Set in a symbol's version number where only references by that version may
/// use the symbol (`VERSYM_HIDDEN` of the GNU extensions; goblin has it only
/// with `alloc`).
const VERSYM_HIDDEN: u64 = 0x8000;

/// One symbol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Symbol {
    /// Index in its table.
    pub index: u64,
    /// `st_name`: offset of the name in the string table.
    pub name: u64,
    /// `st_value`: an address; for TLS the offset in the object's TLS segment;
    /// in relocatable objects an offset in the section.
    pub value: u64,
    /// `st_size` in bytes.
    pub size: u64,
    /// `STB_*`.
    pub binding: u8,
    /// `STT_*`.
    pub kind: u8,
    /// `STV_*`.
    pub visibility: u8,
    /// `st_shndx`, not resolved through `SHT_SYMTAB_SHNDX`.
    pub section: u16,
}

impl Symbol {
    /// Returns whether the object itself defines the symbol (a common symbol counts).
    #[must_use]
    pub const fn is_defined(&self) -> bool {
        self.section as u32 != SHN_UNDEF
    }

    #[inline]
    fn decode(layout: Layout, index: u64, record: &[u8]) -> Self {
        let get = |field: Field| layout.get(field, record);
        let info = get(symbol_field!(st_info)) as u8;
        Self {
            index,
            name: get(symbol_field!(st_name)),
            value: get(symbol_field!(st_value)),
            size: get(symbol_field!(st_size)),
            binding: info >> 4,
            kind: info & 0xf,
            visibility: get(symbol_field!(st_other)) as u8 & 3,
            section: get(symbol_field!(st_shndx)) as u16,
        }
    }
}

/// A symbol table and its strings, in the file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SymbolTable {
    pub(super) records: Table,
    pub(crate) strings: Strings,
}

impl<S: Source> Object<S> {
    fn symbol_size(&self) -> u64 {
        self.layout.pick(sym32::SIZEOF_SYM, sym64::SIZEOF_SYM) as u64
    }

    /// Returns the dynamic symbol table, with room for `count` symbols.
    pub(super) fn dynamic_symbol_table(&self, count: u64) -> Result<SymbolTable, Error> {
        let dynamic = self.dynamic()?.ok_or(Error::Damaged)?;
        let (offset, rest) = self.offset_of(dynamic.symtab.ok_or(Error::Damaged)?)?;
        let size = self.symbol_size();
        let stride = dynamic.syment.unwrap_or(size);
        let count = count.min(rest.checked_div(stride).ok_or(Error::Damaged)?);
        Ok(SymbolTable {
            records: Table::new(offset, count, stride, size)?,
            strings: self.dynamic_strings()?,
        })
    }

    /// Returns all of the dynamic symbol table. Its length is in no header: it comes
    /// from the hash tables, else from the section header, else from the
    /// string table that linkers put behind it.
    pub(crate) fn all_dynamic_symbols(&self) -> Result<SymbolTable, Error> {
        let dynamic_symbols = |_, section: Section| match section.kind {
            SHT_DYNSYM => ControlFlow::Break(section),
            _ => ControlFlow::Continue(()),
        };
        let dynamic = *self.dynamic()?.ok_or(Error::Damaged)?;
        let count = if let Some(count) = self.hashed_symbol_count()? {
            count
        } else if let Some(section) = self.sections(dynamic_symbols)? {
            section.size.checked_div(section.entsize).unwrap_or(0)
        } else {
            let size = dynamic.syment.unwrap_or(self.symbol_size());
            let bytes = dynamic
                .strtab
                .and_then(|strings| strings.checked_sub(dynamic.symtab?))
                .ok_or(Error::Damaged)?;
            bytes.checked_div(size).unwrap_or(0)
        };
        self.dynamic_symbol_table(count)
    }

    /// Calls `visit` with every dynamic symbol until it breaks, the null symbol at
    /// index 0 included.
    ///
    /// # Errors
    ///
    /// The symbols before the damage have been visited.
    pub fn dynamic_symbols<B>(
        &self,
        visit: impl FnMut(Symbol) -> ControlFlow<B>,
    ) -> Result<Option<B>, Error> {
        let has_symbols = |dynamic: &Dynamic| dynamic.symtab.is_some() && dynamic.strtab.is_some();
        if !self.dynamic()?.is_some_and(has_symbols) {
            return Ok(None);
        }
        self.symbols(&self.all_dynamic_symbols()?, visit)
    }

    /// Returns the symbol table in `section` (`SHT_SYMTAB`) and its strings.
    pub(crate) fn link_symbols(&self, section: &Section) -> Result<SymbolTable, Error> {
        let strings = self.section(section.link)?;
        Ok(SymbolTable {
            records: Table::from_size(
                section.offset,
                section.size,
                section.entsize,
                self.symbol_size(),
            )?,
            strings: Strings {
                offset: strings.offset,
                size: strings.size,
            },
        })
    }

    /// Calls `visit` with every symbol of the table until it breaks.
    pub(crate) fn symbols<B>(
        &self,
        table: &SymbolTable,
        mut visit: impl FnMut(Symbol) -> ControlFlow<B>,
    ) -> Result<Option<B>, Error> {
        let layout = self.layout;
        self.records::<CHUNK, _>(table.records, |index, record| {
            visit(Symbol::decode(layout, index, record))
        })
    }

    /// Calls `visit` with every symbol of type `kind` (`STT_*`) until it breaks.
    pub(crate) fn symbols_of_kind<B>(
        &self,
        table: &SymbolTable,
        kind: u8,
        mut visit: impl FnMut(Symbol) -> ControlFlow<B>,
    ) -> Result<Option<B>, Error> {
        let layout = self.layout;
        // tables of a hundred thousand symbols have a few of some types
        self.records::<CHUNK, _>(table.records, |index, record| {
            if layout.get(symbol_field!(st_info), record) as u8 & 0xf != kind {
                return ControlFlow::Continue(());
            }
            visit(Symbol::decode(layout, index, record))
        })
    }

    /// Returns one symbol by its index.
    pub(crate) fn symbol(&self, table: &SymbolTable, index: u64) -> Result<Symbol, Error> {
        if index >= table.records.count {
            return Err(Error::Damaged);
        }
        let mut buf = [0; sym64::SIZEOF_SYM];
        let record = buf
            .get_mut(..self.symbol_size() as usize)
            .ok_or(Error::Damaged)?;
        self.read_exact(table.records.offset_of(index)?, record)?;
        Ok(Symbol::decode(self.layout, index, record))
    }

    /// Returns whether the string at `offset` of the table is `name`.
    pub(crate) fn is_named(
        &self,
        strings: Strings,
        offset: u64,
        name: &[u8],
    ) -> Result<bool, Error> {
        let end = (name.len() as u64)
            .checked_add(1)
            .and_then(|length| offset.checked_add(length));
        if end.is_none_or(|end| end > strings.size) {
            return Ok(false);
        }
        let mut buf = [0; 32];
        let mut at = strings.offset.checked_add(offset).ok_or(Error::Damaged)?;
        for part in name.chunks(buf.len()) {
            let held = buf.get_mut(..part.len()).ok_or(Error::Damaged)?;
            self.read_exact(at, held)?;
            if held != part {
                return Ok(false);
            }
            at = at.checked_add(part.len() as u64).ok_or(Error::Damaged)?;
        }
        Ok(self.read_uint::<1>(at)? == 0)
    }

    /// Returns whether the symbol is a version that only references by that version
    /// find (`name@VERSION` and not `name@@VERSION`).
    pub(super) fn is_hidden_version(&self, index: u64) -> Result<bool, Error> {
        let Some(versym) = self.dynamic()?.and_then(|dynamic| dynamic.versym) else {
            return Ok(false);
        };
        let at = index
            .checked_mul(2)
            .and_then(|bytes| versym.checked_add(bytes))
            .ok_or(Error::Damaged)?;
        let version = self.read_uint::<2>(self.offset_of(at)?.0)?;
        Ok(version & VERSYM_HIDDEN != 0)
    }
}
