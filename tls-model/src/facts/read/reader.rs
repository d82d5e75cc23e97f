//! The facts in the making.

use crate::elf::{Error, Object, Source, Symbol};
use crate::facts::tls_access::Seen;
use crate::facts::{
    Damage, DynamicFlags, Facts, MOST_SYMBOLS, ObjectKind, Sections, SymbolName, SymbolTable,
    Symbols, TlsAccess,
};

/// A symbol of interest, before its role is known.
#[derive(Clone, Copy)]
pub(super) struct Candidate {
    pub(super) name: SymbolName,
    pub(super) table: SymbolTable,
    pub(super) symbol: Symbol,
    /// A copy relocation names it.
    pub(super) copied: bool,
}

/// The facts in the making.
pub(super) struct Reader<'a, S> {
    pub(super) object: &'a Object<S>,
    pub(super) facts: Facts,
    /// Split debugging information: its dynamic section is not in the file.
    pub(super) is_debug: bool,
    /// A section holds code or data.
    pub(super) has_contents: bool,
    pub(super) candidates: [Option<Candidate>; MOST_SYMBOLS],
    pub(super) seen: Seen,
}

impl<'a, S: Source> Reader<'a, S> {
    pub(super) fn new(object: &'a Object<S>) -> Self {
        Self {
            object,
            facts: Facts {
                machine: object.header().machine,
                layout: object.layout(),
                kind: ObjectKind::Other,
                build_id: None,
                has_interpreter: false,
                is_static: false,
                has_symtab: false,
                tls: None,
                flags: DynamicFlags::default(),
                symbols: Symbols::default(),
                looks_up_names: false,
                access: TlsAccess::default(),
                area_slot: None,
                module_slot: None,
                descriptor_slot: None,
                sections: Sections::default(),
                is_intermediate: false,
                library: None,
                damage: Damage::NONE,
                truncated: false,
                read_error: None,
            },
            is_debug: false,
            has_contents: false,
            candidates: [None; MOST_SYMBOLS],
            seen: Seen::default(),
        }
    }

    /// Returns the value, or notes the damage.
    pub(super) fn keep<T>(&mut self, part: Damage, result: Result<T, Error>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(error) => {
                self.facts.damage.insert(part);
                match error {
                    Error::Truncated => self.facts.truncated = true,
                    Error::Read(error) => {
                        self.facts.read_error.get_or_insert(error.errno);
                    }
                    _ => {}
                }
                None
            }
        }
    }
}
