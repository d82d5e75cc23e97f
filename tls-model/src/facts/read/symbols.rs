//! The rseq symbols of every table.

use core::ops::ControlFlow;

use goblin::elf::sym::STT_TLS;

use super::reader::{Candidate, Reader};
use crate::elf::{Error, Names, Section, Source, Strings, Symbol};
use crate::facts::searched::{LOOKUPS, as_bytes};
use crate::facts::{Damage, MOST_SYMBOLS, SymbolName, SymbolTable};

impl<S: Source> Reader<'_, S> {
    /// Reads every rseq symbol of the dynamic table.
    pub(super) fn dynamic_symbols(&mut self) {
        let object = self.object;
        let Ok(Some(dynamic)) = object.dynamic() else {
            return;
        };
        if dynamic.symtab.is_none() || dynamic.strtab.is_none() {
            return;
        }
        let strings = object.dynamic_strings();
        self.named_symbols(
            Damage::DYNAMIC_SYMBOLS,
            SymbolTable::Dynsym,
            strings,
            || object.all_dynamic_symbols(),
        );
    }

    /// Reads every rseq symbol of an object file.
    pub(super) fn relocatable_symbols(&mut self, symtab: Option<&Section>) {
        let object = self.object;
        let Some(section) = symtab else {
            return;
        };
        let table = object.link_symbols(section);
        self.named_symbols(
            Damage::LINK_SYMBOLS,
            SymbolTable::Symtab,
            table.map(|table| table.strings),
            || table,
        );
    }

    /// Reads every rseq symbol of a static program: the libc in it has no other table
    /// to show its own in.
    pub(super) fn static_symbols(&mut self, symtab: Option<&Section>) {
        if !self.facts.is_static {
            return;
        }
        let known = self.candidates;
        self.relocatable_symbols(symtab);
        // thread-local ones have been found before: once is enough
        let mut kept = [None; MOST_SYMBOLS];
        let fresh = self
            .candidates
            .iter()
            .flatten()
            .enumerate()
            .filter(|(at, it)| {
                let repeated = known.iter().flatten().any(|before| {
                    before.table == it.table && before.symbol.index == it.symbol.index
                });
                known.get(*at).is_some_and(Option::is_some) || !repeated
            });
        for (slot, (_, candidate)) in kept.iter_mut().zip(fresh) {
            *slot = Some(*candidate);
        }
        self.candidates = kept;
    }

    /// Visits every symbol with one of the names; the records are read only where the
    /// strings have such a name.
    fn named_symbols(
        &mut self,
        part: Damage,
        table: SymbolTable,
        strings: Result<Strings, Error>,
        records: impl FnOnce() -> Result<crate::elf::SymbolTable, Error>,
    ) {
        const NAMES: [&[u8]; SymbolName::NAMES.len() + LOOKUPS.len()] = {
            let [abi, offset, size, flags, handled, nobody] = as_bytes(SymbolName::NAMES);
            let [dlsym, dlvsym] = LOOKUPS;
            [abi, offset, size, flags, handled, nobody, dlsym, dlvsym]
        };
        let object = self.object;
        // the names of link-time symbols have their versions behind them
        let names = Names {
            list: &NAMES,
            with_version: table == SymbolTable::Symtab,
        };
        let found = strings.and_then(|strings| object.find_names(strings, &names));
        let Some(found) = self.keep(part, found) else {
            return;
        };
        let is_lookup = |name: usize| name >= SymbolName::NAMES.len();
        let mut names = found.places().iter().map(|(_, name)| *name);
        self.facts.looks_up_names |= table == SymbolTable::Dynsym && names.any(is_lookup);
        if found.places().iter().all(|(_, name)| is_lookup(*name)) {
            return;
        }
        if found.overflow {
            self.facts.damage.insert(Damage::TOO_MANY);
        }
        let walked = records().and_then(|records| {
            object.symbols(&records, |symbol| {
                let name = found
                    .name_at(symbol.name)
                    .and_then(|index| SymbolName::ALL.get(index));
                if let Some(&name) = name {
                    self.add(name, table, symbol);
                }
                ControlFlow::<()>::Continue(())
            })
        });
        self.keep(part, walked);
    }

    /// Looks for thread-local `__rseq_abi` among the link-time symbols of a linked
    /// object. The string table may have tens of megabytes, thread-local
    /// symbols are few: their names are read one by one.
    pub(super) fn hidden_symbols(&mut self, symtab: Option<&Section>) {
        let object = self.object;
        let Some(section) = symtab.filter(|_| self.facts.tls.is_some()) else {
            return;
        };
        let walked = object.link_symbols(section).and_then(|table| {
            let name = SymbolName::Abi;
            object
                .symbols_of_kind(&table, STT_TLS, |symbol| {
                    match object.is_named(table.strings, symbol.name, name.name().as_bytes()) {
                        Ok(true) => self.add(name, SymbolTable::Symtab, symbol),
                        Ok(false) => {}
                        Err(error) => return ControlFlow::Break(error),
                    }
                    ControlFlow::Continue(())
                })?
                .map_or(Ok(()), Err)
        });
        self.keep(Damage::LINK_SYMBOLS, walked);
    }

    fn add(&mut self, name: SymbolName, table: SymbolTable, symbol: Symbol) {
        match self.candidates.iter_mut().find(|slot| slot.is_none()) {
            Some(slot) => {
                *slot = Some(Candidate {
                    name,
                    table,
                    symbol,
                    copied: false,
                });
            }
            None => self.facts.damage.insert(Damage::TOO_MANY),
        }
    }
}
