//! Which symbols stand for the area.

use core::cell::Cell;

use goblin::elf::sym::STT_TLS;

use super::reader::Candidate;
use crate::elf::{Error, Object, Source, Symbol};
use crate::facts::{MOST_SYMBOLS, SymbolName, SymbolTable};

/// The symbols of one table that are `__rseq_abi`: by its name, or by another one
/// that stands for the same place.
pub(super) struct Areas {
    symbols: [Option<Symbol>; MOST_SYMBOLS],
    /// The last symbol that was asked for, and the answer: relocations of one
    /// variable often follow each other.
    last: Cell<Option<(u64, bool)>>,
}

impl Areas {
    pub(super) fn new(candidates: &[Option<Candidate>; MOST_SYMBOLS], table: SymbolTable) -> Self {
        let is_one = |it: &Candidate| it.name == SymbolName::Abi && it.table == table;
        Self {
            symbols: candidates.map(|slot| slot.filter(is_one).map(|it| it.symbol)),
            last: Cell::new(None),
        }
    }

    fn definitions(&self) -> impl Iterator<Item = &Symbol> {
        let is_tls = |symbol: &&Symbol| symbol.is_defined() && symbol.kind == STT_TLS;
        self.symbols.iter().flatten().filter(is_tls)
    }

    pub(super) fn has_definition(&self) -> bool {
        self.definitions().next().is_some()
    }

    pub(super) fn is_one<S: Source>(
        &self,
        object: &Object<S>,
        table: &crate::elf::SymbolTable,
        index: u64,
    ) -> Result<bool, Error> {
        if self.symbols.iter().flatten().any(|it| it.index == index) {
            return Ok(true);
        }
        if !self.has_definition() {
            return Ok(false);
        }
        if let Some((last, is_one)) = self.last.get()
            && last == index
        {
            return Ok(is_one);
        }
        let symbol = object.symbol(table, index)?;
        let is_one = symbol.kind == STT_TLS
            && self
                .definitions()
                .any(|it| it.section == symbol.section && it.value == symbol.value);
        self.last.set(Some((index, is_one)));
        Ok(is_one)
    }
}

pub(super) fn is_area_definition(candidate: &Candidate) -> bool {
    candidate.name == SymbolName::Abi
        && candidate.symbol.kind == STT_TLS
        && candidate.symbol.is_defined()
}
