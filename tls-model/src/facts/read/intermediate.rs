//! Object files of intermediate code, as GCC writes them for link-time optimisation
//! (`-flto -fno-fat-lto-objects`): their symbols are in a table of their own.
//!
//! Source: GCC's `lto-plugin/lto-plugin.c`, which hands the table to the link editor.

use core::ops::ControlFlow;

use goblin::elf::section_header::{SHF_EXCLUDE, SHT_PROGBITS};

use crate::elf::{Error, Object, Section, Source, Strings};

use super::reader::Reader;
use crate::facts::{Binding, Damage, Role, SymbolFact, SymbolName, Visibility};

/// What the names of GCC's sections with intermediate code begin with, and that of the
/// section with its symbols.
const PREFIX: &[u8] = b".gnu.lto_";
const TABLE: &[u8] = b".gnu.lto_.symtab.";

/// Bytes of a symbol behind its two names: kind, visibility, size and slot.
const REST: usize = 1 + 1 + 8 + 4;

/// The longest name that is compared, in bytes.
const LONGEST: usize = 32;

impl<S: Source> Reader<'_, S> {
    /// Reads what an object file has of intermediate code, where it has nothing else.
    pub(super) fn intermediate(&mut self) {
        let object = self.object;
        let Some(found) = self.keep(Damage::SECTIONS, find(object)) else {
            return;
        };
        if !found.any || self.has_contents {
            return;
        }
        self.facts.is_intermediate = true;
        if let Some(section) = found.symbols {
            let facts = &mut self.facts;
            let mut room = true;
            let read = symbols(object, &section, |fact| room &= facts.symbols.add(fact));
            self.keep(Damage::LINK_SYMBOLS, read);
            if !room {
                self.facts.damage.insert(Damage::TOO_MANY);
            }
        }
    }
}

/// What an object file has of intermediate code.
struct Found {
    /// It has some.
    any: bool,
    /// The table of its symbols.
    symbols: Option<Section>,
}

/// Looks for intermediate code. Sections of other kinds are passed over by their flags
/// alone.
fn find<S: Source>(object: &Object<S>) -> Result<Found, Error> {
    let mut found = Found {
        any: false,
        symbols: None,
    };
    if !object.has_sections() {
        return Ok(found);
    }
    let names = object.section_names()?;
    let walked = object.sections(|_, section| {
        if section.kind != SHT_PROGBITS || section.flags & u64::from(SHF_EXCLUDE) == 0 {
            return ControlFlow::Continue(());
        }
        let mut name = [0; TABLE.len()];
        let at = names.offset.saturating_add(section.name);
        match object.read_some(at, &mut name) {
            Ok(_) => {
                found.any |= name.starts_with(PREFIX);
                if name == TABLE {
                    found.symbols = Some(section);
                }
                ControlFlow::Continue(())
            }
            Err(error) => ControlFlow::Break(error),
        }
    })?;
    walked.map_or(Ok(found), Err)
}

/// Calls `visit` with every rseq symbol of the table.
fn symbols<S: Source>(
    object: &Object<S>,
    section: &Section,
    mut visit: impl FnMut(SymbolFact),
) -> Result<(), Error> {
    let strings = Strings {
        offset: section.offset,
        size: section.size,
    };
    let mut bytes = object.cursor(strings)?;
    while bytes.has_more() {
        let mut name = [0; LONGEST];
        let length = text(&mut bytes, &mut name)?;
        // of the group that it belongs to
        text(&mut bytes, &mut [0; LONGEST])?;
        let mut rest = [0; REST];
        for byte in &mut rest {
            *byte = bytes.byte()?;
        }
        let [kind, visibility, size @ .., _, _, _, _] = rest;
        let name = name.get(..length).unwrap_or_default();
        let known = SymbolName::ALL
            .into_iter()
            .find(|known| known.name().as_bytes() == name);
        if let Some(known) = known {
            let (role, binding) = match kind {
                2 => (Role::References, Binding::Global),
                3 => (Role::References, Binding::Weak),
                1 => (Role::Defines, Binding::Weak),
                _ => (Role::Defines, Binding::Global),
            };
            let visibility = match visibility {
                1 => Visibility::Protected,
                2 => Visibility::Internal,
                3 => Visibility::Hidden,
                _ => Visibility::Default,
            };
            // as wide as the compiler's own numbers, which are the machine's
            let size = object.layout().uint(&size);
            visit(SymbolFact::of_intermediate(
                known, role, binding, visibility, size,
            ));
        }
    }
    Ok(())
}

/// Reads up to a NUL. Returns the length of the text, which `buf` holds where it fits.
fn text<S: Source>(bytes: &mut crate::elf::Cursor<'_, S>, buf: &mut [u8]) -> Result<usize, Error> {
    let mut length = 0_usize;
    loop {
        let byte = bytes.byte()?;
        if byte == 0 {
            return Ok(length);
        }
        if let Some(slot) = buf.get_mut(length) {
            *slot = byte;
        }
        length = length.saturating_add(1);
    }
}
