//! Data as the dynamic linker, or the link editor, leaves it: small pieces of
//! an object's memory with the relocations applied that fall into them.

use core::ops::ControlFlow;

use goblin::elf::header as h;
use goblin::elf::sym::STT_SECTION;

use super::{Endian, Error, Layout, Object, Relocation, Section, Source, SymbolTable};

/// Pieces that one pass over the relocations fills.
pub(crate) const MOST_WINDOWS: usize = 128;

/// Bytes of a piece.
const SIZE: usize = 32;

/// Sections of one object that are asked for their relocations: more than a
/// linker or compiler makes, and a bound for damaged headers.
const MOST_SECTIONS: u32 = 1 << 20;

/// A piece of 32 bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    /// Link-time address; in relocatable objects the offset in the section.
    pub(crate) at: u64,
    /// Bytes of it that are wanted, from the start on.
    pub(crate) len: usize,
    /// The bytes, relocated.
    pub(crate) bytes: [u8; SIZE],
    /// In relocatable objects the section that each word of eight bytes is
    /// relative to, 0 for none.
    pub(crate) sections: [u16; SIZE / 8],
    /// A relocation fell into it that is not understood, or whose symbol is
    /// somebody else's.
    pub(crate) unresolved: bool,
}

impl Window {
    pub(crate) const EMPTY: Self = Self {
        at: 0,
        len: SIZE,
        bytes: [0; SIZE],
        sections: [0; SIZE / 8],
        unresolved: false,
    };

    fn wanted(&mut self) -> &mut [u8] {
        self.bytes.get_mut(..self.len).unwrap_or_default()
    }

    /// Returns the word of `width` bytes at `inside`.
    pub(crate) fn uint(&self, layout: Layout, inside: usize, width: usize) -> u64 {
        inside
            .checked_add(width)
            .and_then(|end| self.bytes.get(inside..end))
            .map_or(0, |bytes| layout.uint(bytes))
    }

    fn put(&mut self, layout: Layout, inside: usize, value: u64) {
        let width = layout.class.address_size() as usize;
        let Some(to) = inside
            .checked_add(width)
            .and_then(|end| self.bytes.get_mut(inside..end))
        else {
            self.unresolved = true;
            return;
        };
        let little = value.to_le_bytes();
        for (index, byte) in to.iter_mut().enumerate() {
            let from = match layout.endian {
                Endian::Little => index,
                Endian::Big => width.saturating_sub(index).saturating_sub(1),
            };
            *byte = little.get(from).copied().unwrap_or(0);
        }
    }
}

/// What a relocation puts into a place as wide as an address.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Value {
    /// An address of the object: the addend.
    Relative,
    /// A symbol's address and the addend.
    Absolute,
}

/// (machine, relative, absolute); numbers of the processor supplements.
const KINDS: [(u16, u32, [u32; 2]); 10] = [
    (h::EM_X86_64, 8, [1, 10]),
    (h::EM_386, 8, [1, 1]),
    (h::EM_AARCH64, 1027, [257, 257]),
    (h::EM_ARM, 23, [2, 2]),
    (h::EM_RISCV, 3, [2, 1]),
    (h::EM_LOONGARCH, 3, [2, 1]),
    (h::EM_PPC, 22, [1, 1]),
    (h::EM_PPC64, 22, [38, 38]),
    (h::EM_S390, 12, [22, 4]),
    (h::EM_SPARCV9, 22, [32, 32]),
];

fn value_of(machine: u16, kind: u32) -> Option<Value> {
    let (_, relative, absolute) = KINDS.iter().find(|(known, ..)| *known == machine)?;
    if kind == *relative {
        Some(Value::Relative)
    } else if absolute.contains(&kind) {
        Some(Value::Absolute)
    } else {
        None
    }
}

/// Returns the window that a relocated place falls into; windows are sorted.
fn window_at(windows: &mut [Window], place: u64) -> Option<(&mut Window, usize)> {
    let after = windows.partition_point(|window| window.at <= place);
    let window = windows.get_mut(after.checked_sub(1)?)?;
    let inside = usize::try_from(place.checked_sub(window.at)?).ok()?;
    (inside < window.len).then_some((window, inside))
}

impl<S: Source> Object<S> {
    /// Fills `windows` of a linked object, by their addresses, and sorts them.
    pub(crate) fn fill(&self, windows: &mut [Window]) -> Result<(), Error> {
        windows.sort_unstable_by_key(|window| window.at);
        for window in windows.iter_mut() {
            let (offset, _) = self.offset_of(window.at)?;
            self.read_exact(offset, window.wanted())?;
        }
        let mut symbols = None;
        let failed = self.relocations(|relocation| {
            let Some((window, inside)) = window_at(windows, relocation.offset) else {
                return ControlFlow::Continue(());
            };
            let symbol = match value_of(self.header.machine, relocation.kind) {
                Some(Value::Relative) => Some((0, 0)),
                Some(Value::Absolute) => {
                    let table = symbols.get_or_insert_with(|| self.all_dynamic_symbols());
                    match self.address_of(table, relocation.symbol) {
                        Ok(found) => found,
                        Err(error) => return ControlFlow::Break(error),
                    }
                }
                None => None,
            };
            self.apply(window, inside, &relocation, symbol);
            ControlFlow::Continue(())
        })?;
        failed.map_or(Ok(()), Err)
    }

    /// Fills `windows` of a relocatable object, by their offsets in `section`,
    /// the one with this index, and sorts them.
    pub(crate) fn fill_from_section(
        &self,
        index: u64,
        section: &Section,
        windows: &mut [Window],
    ) -> Result<(), Error> {
        windows.sort_unstable_by_key(|window| window.at);
        for window in windows.iter_mut() {
            let offset = section
                .offset
                .checked_add(window.at)
                .ok_or(Error::Damaged)?;
            self.read_exact(offset, window.wanted())?;
        }
        let mut looked_at = 0_u32;
        let failed = self.sections(|_, table| {
            looked_at = looked_at.saturating_add(1);
            if looked_at > MOST_SECTIONS {
                return ControlFlow::Break(Error::Damaged);
            }
            if table.relocations().is_none() || table.info != index {
                return ControlFlow::Continue(());
            }
            match self.fill_from_table(&table, windows) {
                Ok(()) => ControlFlow::Continue(()),
                Err(error) => ControlFlow::Break(error),
            }
        })?;
        failed.map_or(Ok(()), Err)
    }

    fn fill_from_table(&self, table: &Section, windows: &mut [Window]) -> Result<(), Error> {
        let symbols = self
            .section(table.link)
            .and_then(|section| self.link_symbols(&section));
        let failed = self.section_relocations(table, |relocation| {
            let Some((window, inside)) = window_at(windows, relocation.offset) else {
                return ControlFlow::Continue(());
            };
            let symbol = match value_of(self.header.machine, relocation.kind) {
                Some(Value::Absolute) => match self.address_of(&symbols, relocation.symbol) {
                    Ok(found) => found,
                    Err(error) => return ControlFlow::Break(error),
                },
                _ => None,
            };
            self.apply(window, inside, &relocation, symbol);
            ControlFlow::Continue(())
        })?;
        failed.map_or(Ok(()), Err)
    }

    /// Returns value and section of a symbol of the object's own.
    fn address_of(
        &self,
        table: &Result<SymbolTable, Error>,
        index: u64,
    ) -> Result<Option<(u64, u16)>, Error> {
        let table = table.as_ref().map_err(|error| *error)?;
        let symbol = self.symbol(table, index)?;
        let known = symbol.is_defined() || symbol.kind == STT_SECTION;
        Ok(known.then_some((symbol.value, symbol.section)))
    }

    fn apply(
        &self,
        window: &mut Window,
        inside: usize,
        relocation: &Relocation,
        symbol: Option<(u64, u16)>,
    ) {
        let layout = self.layout;
        let Some((value, section)) = symbol else {
            window.unresolved = true;
            return;
        };
        let width = layout.class.address_size() as usize;
        let addend = relocation
            .addend
            .unwrap_or_else(|| window.uint(layout, inside, width));
        window.put(layout, inside, value.wrapping_add(addend));
        if let Some(home) = window.sections.get_mut(inside / 8) {
            *home = section;
        }
    }
}
