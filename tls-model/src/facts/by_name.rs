//! Names that are asked for at run time only.

use core::ops::ControlFlow;

use goblin::elf::section_header::{SHF_ALLOC, SHF_EXECINSTR, SHF_WRITE, SHT_PROGBITS};

use crate::elf::{Error, Names, Object, Section, Source, Strings};

use super::searched::as_bytes;
use super::{Facts, NameSet, SymbolName};

impl Facts {
    /// Returns the names that stand among the constants and in no symbol table,
    /// where the object can look names up.
    ///
    /// Not a part of [`Facts::read`]: the constants of a program may have tens
    /// of megabytes.
    ///
    /// # Errors
    ///
    /// The constants cannot be read.
    pub fn names_among_constants<S: Source>(&self, object: &Object<S>) -> Result<NameSet, Error> {
        let mut names = NameSet::default();
        if !self.is_linked() || !self.looks_up_names {
            return Ok(names);
        }
        for name in asked_by_name(object)?.iter() {
            if !self.symbols.iter().any(|fact| fact.name == name) {
                names.insert(name);
            }
        }
        Ok(names)
    }
}

/// Returns the names that an object holds among its constants.
fn asked_by_name<S: Source>(object: &Object<S>) -> Result<NameSet, Error> {
    let mut found = NameSet::default();
    if !object.has_sections() {
        return Ok(found);
    }
    let failed = object.sections(|_, section| {
        if !is_constant(&section) {
            return ControlFlow::Continue(());
        }
        match constants(object, &section) {
            Ok(names) => {
                for name in names.iter() {
                    found.insert(name);
                }
                ControlFlow::Continue(())
            }
            Err(error) => ControlFlow::Break(error),
        }
    })?;
    failed.map_or(Ok(found), Err)
}

/// Returns whether a section holds data that is never written: constants.
fn is_constant(section: &Section) -> bool {
    let flags = |flag: u32| section.flags & u64::from(flag) != 0;
    section.kind == SHT_PROGBITS && flags(SHF_ALLOC) && !flags(SHF_WRITE) && !flags(SHF_EXECINSTR)
}

fn constants<S: Source>(object: &Object<S>, section: &Section) -> Result<NameSet, Error> {
    const NAMES: [&[u8]; SymbolName::NAMES.len()] = as_bytes(SymbolName::NAMES);
    let strings = Strings {
        offset: section.offset,
        size: section.size,
    };
    let found = object.find_names(strings, &Names::exactly(&NAMES))?;
    let mut names = NameSet::default();
    for (_, index) in found.places() {
        if let Some(name) = SymbolName::ALL.get(*index) {
            names.insert(*name);
        }
    }
    Ok(names)
}
