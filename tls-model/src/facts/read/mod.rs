//! From an object to its facts.

mod areas;
mod finish;
mod intermediate;
mod reader;
mod relocations;
mod symbols;
mod tables;

use crate::elf::{Object, Source};

use super::{Facts, ObjectKind};
use reader::Reader;

impl Facts {
    /// Reads what the object says about rseq and thread-local storage.
    ///
    /// What is damaged is left out and named in [`Facts::damage`]. An object
    /// that is loaded ([`Object::open_loaded`]) shows no link-time symbols and
    /// no sections.
    #[must_use]
    pub fn read<S: Source>(object: &Object<S>) -> Self {
        let mut reader = Reader::new(object);
        reader.segments();
        let symtab = reader.sections();
        reader.kind_and_flags();
        match reader.facts.kind {
            ObjectKind::Core | ObjectKind::Other => {}
            ObjectKind::Relocatable => {
                reader.relocatable_symbols(symtab.as_ref());
                reader.link_relocations(symtab.as_ref());
                reader.intermediate();
            }
            ObjectKind::Debug => reader.hidden_symbols(symtab.as_ref()),
            ObjectKind::Executable | ObjectKind::Shared => {
                reader.dynamic_symbols();
                reader.hidden_symbols(symtab.as_ref());
                reader.static_symbols(symtab.as_ref());
                reader.relocations();
            }
        }
        reader.finish()
    }
}
