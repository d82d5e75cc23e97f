//! From an object to its facts.

use core::ops::ControlFlow;

use goblin::elf::dynamic as dt;
use goblin::elf::header as h;
use goblin::elf::section_header::{SHF_EXECINSTR, SHT_NOBITS, SHT_SYMTAB};
use goblin::elf::sym::STT_TLS;

use crate::elf::{Dynamic, Error, Names, Object, Relocation, Section, Source, Strings, Symbol};

use super::by_name::LOOKUPS;
use super::tls_access::{Request, Seen, has_link_access, is_known, link_access, request};
use super::{
    Damage, DynamicFlags, Facts, MOST_SYMBOLS, ModelEvidence, ObjectKind, OwnLibrary, Role,
    SectionName, Sections, SymbolFact, SymbolName, SymbolTable, Symbols, Tls, TlsAccess, TlsModel,
    TlsModels,
};

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
                reader.link_relocations();
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

/// A symbol of interest, before its role is known.
#[derive(Clone, Copy)]
struct Candidate {
    name: SymbolName,
    table: SymbolTable,
    symbol: Symbol,
    /// A copy relocation names it.
    copied: bool,
}

/// The facts in the making.
struct Reader<'a, S> {
    object: &'a Object<S>,
    facts: Facts,
    /// Split debugging information: its dynamic section is not in the file.
    is_debug: bool,
    candidates: [Option<Candidate>; MOST_SYMBOLS],
    seen: Seen,
}

impl<'a, S: Source> Reader<'a, S> {
    fn new(object: &'a Object<S>) -> Self {
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
                sections: Sections::default(),
                library: None,
                damage: Damage::NONE,
                truncated: false,
                read_error: None,
            },
            is_debug: false,
            candidates: [None; MOST_SYMBOLS],
            seen: Seen::default(),
        }
    }

    /// The value, or the damage noted.
    fn keep<T>(&mut self, part: Damage, result: Result<T, Error>) -> Option<T> {
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

    fn segments(&mut self) {
        let object = self.object;
        let tls = self.keep(Damage::SEGMENTS, object.tls()).flatten();
        self.facts.tls = tls.map(|segment| Tls {
            memsz: segment.memsz,
            filesz: segment.filesz,
            align: segment.align,
            vaddr: segment.vaddr,
        });
        self.facts.has_interpreter = self
            .keep(Damage::SEGMENTS, object.interpreter_segment())
            .flatten()
            .is_some();
        self.facts.build_id = self.keep(Damage::NOTES, object.build_id()).flatten();
    }

    /// Reads the sections; returns the link-time symbol table, if there is one.
    fn sections(&mut self) -> Option<Section> {
        const NAMES: [&[u8]; SectionName::NAMES.len()] = as_bytes(SectionName::NAMES);
        let object = self.object;
        if !object.has_sections() {
            return None;
        }
        let names = object.section_names().and_then(|section| {
            let strings = Strings {
                offset: section.offset,
                size: section.size,
            };
            object.find_names(strings, &Names { list: &NAMES })
        });
        let names = self.keep(Damage::SECTIONS, names);
        let mut symtab = None;
        let walked = object.sections(|_, section| {
            let empty = section.kind == SHT_NOBITS;
            if section.kind == SHT_SYMTAB {
                symtab = Some(section);
            }
            if empty && section.flags & u64::from(SHF_EXECINSTR) != 0 {
                // code is never empty but in split debugging information
                self.is_debug = true;
            }
            let name = names
                .and_then(|names| names.name_at(section.name))
                .and_then(|index| SectionName::ALL.get(index));
            if let Some(name) = name.filter(|_| !empty) {
                self.facts.sections.add(*name, section.size);
            }
            ControlFlow::<()>::Continue(())
        });
        self.keep(Damage::SECTIONS, walked);
        self.facts.has_symtab = symtab.is_some();
        symtab
    }

    fn kind_and_flags(&mut self) {
        let object = self.object;
        let dynamic = if self.is_debug {
            None
        } else {
            self.keep(Damage::DYNAMIC, object.dynamic()).flatten()
        };
        let (flags, flags_1) = dynamic.map_or((0, 0), |dynamic| (dynamic.flags, dynamic.flags_1));
        let is_program = flags_1 & dt::DF_1_PIE != 0
            || self.facts.has_interpreter && dynamic.is_none_or(|dynamic| dynamic.soname.is_none());
        self.facts.kind = match object.header().kind {
            h::ET_EXEC | h::ET_DYN if self.is_debug => ObjectKind::Debug,
            h::ET_EXEC => ObjectKind::Executable,
            h::ET_DYN if is_program => ObjectKind::Executable,
            h::ET_DYN => ObjectKind::Shared,
            h::ET_REL => ObjectKind::Relocatable,
            h::ET_CORE => ObjectKind::Core,
            _ => ObjectKind::Other,
        };
        self.facts.is_static = self.facts.kind == ObjectKind::Executable
            && !self.facts.has_interpreter
            && dynamic.is_none_or(|dynamic| dynamic.needed == 0);
        self.facts.flags = DynamicFlags {
            nodelete: flags_1 & dt::DF_1_NODELETE != 0,
            static_tls: flags & dt::DF_STATIC_TLS != 0,
            initfirst: flags_1 & dt::DF_1_INITFIRST != 0,
            bind_now: flags & dt::DF_BIND_NOW != 0
                || flags_1 & dt::DF_1_NOW != 0
                || dynamic.is_some_and(|dynamic| dynamic.bind_now),
            symbolic: dynamic.is_some_and(Dynamic::is_symbolic),
        };
    }

    /// Every rseq symbol of the dynamic table.
    fn dynamic_symbols(&mut self) {
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

    /// Every rseq symbol of an object file.
    fn relocatable_symbols(&mut self, symtab: Option<&Section>) {
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

    /// How the code of an object file asks for the area.
    fn link_relocations(&mut self) {
        let is_area = |candidate: &Candidate| candidate.name == SymbolName::Abi;
        if !self.candidates.iter().flatten().any(is_area) {
            return;
        }
        let object = self.object;
        let walked = object.sections(|_, section| {
            let walked = object.section_relocations(&section, |relocation| {
                let Some(access) = link_access(self.facts.machine, relocation.kind) else {
                    return ControlFlow::<()>::Continue(());
                };
                let uses = self.candidates.iter().flatten().any(|candidate| {
                    is_area(candidate) && candidate.symbol.index == relocation.symbol
                });
                if uses {
                    self.seen.models.insert(access);
                }
                ControlFlow::Continue(())
            });
            match walked {
                Ok(_) => ControlFlow::Continue(()),
                Err(error) => ControlFlow::Break(error),
            }
        });
        let walked = walked.and_then(|error| error.map_or(Ok(()), Err));
        self.keep(Damage::RELOCATIONS, walked);
    }

    /// Every rseq symbol of a static program: the libc in it has no other table
    /// to show its own in.
    fn static_symbols(&mut self, symtab: Option<&Section>) {
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

    /// Every symbol with one of the names; the records are read only where the
    /// strings have such a name.
    fn named_symbols(
        &mut self,
        part: Damage,
        table: SymbolTable,
        strings: Result<Strings, Error>,
        records: impl FnOnce() -> Result<crate::elf::SymbolTable, Error>,
    ) {
        const NAMES: [&[u8]; SymbolName::NAMES.len() + LOOKUPS.len()] = {
            let [abi, offset, size, flags, handled] = as_bytes(SymbolName::NAMES);
            let [dlsym, dlvsym] = LOOKUPS;
            [abi, offset, size, flags, handled, dlsym, dlvsym]
        };
        let object = self.object;
        let found = strings.and_then(|strings| object.find_names(strings, &Names { list: &NAMES }));
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

    /// Thread-local `__rseq_abi` among the link-time symbols of a linked
    /// object. The string table may have tens of megabytes, thread-local
    /// symbols are few: their names are read one by one.
    fn hidden_symbols(&mut self, symtab: Option<&Section>) {
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

    /// What the dynamic relocations say about the symbols found so far.
    fn relocations(&mut self) {
        if self.candidates.iter().all(Option::is_none) {
            return;
        }
        let object = self.object;
        let walked = object.relocations(|relocation| {
            let Some(request) = request(self.facts.machine, relocation.kind) else {
                return ControlFlow::Continue(());
            };
            let noted = if relocation.symbol == 0 {
                self.note_local(request, &relocation)
            } else {
                self.note_symbol(request, &relocation);
                Ok(())
            };
            match noted {
                Ok(()) => ControlFlow::Continue(()),
                Err(error) => ControlFlow::Break(error),
            }
        });
        let walked = walked.and_then(|error| error.map_or(Ok(()), Err));
        self.keep(Damage::RELOCATIONS, walked);
    }

    /// A relocation against a dynamic symbol.
    fn note_symbol(&mut self, request: Request, relocation: &Relocation) {
        let candidate = self.candidates.iter_mut().flatten().find(|candidate| {
            candidate.table == SymbolTable::Dynsym && candidate.symbol.index == relocation.symbol
        });
        let Some(candidate) = candidate else {
            return;
        };
        let is_area = candidate.name == SymbolName::Abi;
        match request {
            Request::Copy => candidate.copied = true,
            Request::ThreadOffset if is_area => {
                self.seen.models.insert(TlsModel::InitialExec);
                self.facts.area_slot.get_or_insert(relocation.offset);
            }
            Request::Module if is_area => self.seen.models.insert(TlsModel::GeneralDynamic),
            Request::Descriptor if is_area => self.seen.models.insert(TlsModel::Tlsdesc),
            _ => {}
        }
    }

    /// A relocation without a symbol: it means the object's own storage, at
    /// the offset that its addend, or the word beside it, gives.
    fn note_local(&mut self, request: Request, relocation: &Relocation) -> Result<(), Error> {
        if !self.candidates.iter().flatten().any(is_area_definition) {
            return Ok(());
        }
        let width = self.facts.layout.class.address_size();
        let offset = match request {
            Request::Copy => return Ok(()),
            Request::Module => {
                let beside = relocation.offset.checked_add(width).ok_or(Error::Damaged)?;
                self.object.word_at(beside)?
            }
            Request::ThreadOffset | Request::Descriptor => match relocation.addend {
                Some(addend) => addend,
                // REL: a descriptor's addend is in its second word
                None if request == Request::Descriptor => self
                    .object
                    .word_at(relocation.offset.checked_add(width).ok_or(Error::Damaged)?)?,
                None => self.object.word_at(relocation.offset)?,
            },
        };
        let is_ours = self
            .candidates
            .iter()
            .flatten()
            .any(|candidate| is_area_definition(candidate) && candidate.symbol.value == offset);
        match request {
            // 0 stands for the module alone: the code adds the offset
            Request::Module if offset == 0 => {
                self.seen.own_module = true;
                self.facts.module_slot.get_or_insert(relocation.offset);
            }
            Request::Module if is_ours => self.seen.models.insert(TlsModel::GeneralDynamic),
            Request::ThreadOffset if is_ours => {
                self.seen.models.insert(TlsModel::InitialExec);
                self.facts.area_slot.get_or_insert(relocation.offset);
            }
            Request::Descriptor if is_ours => self.seen.models.insert(TlsModel::Tlsdesc),
            _ => {}
        }
        Ok(())
    }

    fn finish(mut self) -> Facts {
        for candidate in self.candidates.iter().flatten() {
            let role = if candidate.copied {
                Role::Copies
            } else if candidate.symbol.is_defined() {
                Role::Defines
            } else {
                Role::References
            };
            let fact = SymbolFact::new(candidate.name, role, candidate.table, &candidate.symbol);
            if !self.facts.symbols.add(fact) {
                self.facts.damage.insert(Damage::TOO_MANY);
            }
        }
        let (model, evidence) = self.tls_model();
        self.facts.access = TlsAccess {
            model,
            evidence,
            others: model.map_or_else(TlsModels::default, |model| self.seen.others(model)),
        };
        self.facts.library = self.own_library();
        self.facts
    }

    /// Which of the project's own libraries it is.
    fn own_library(&self) -> Option<OwnLibrary> {
        if self.facts.kind != ObjectKind::Shared || self.facts.symbols.is_empty() {
            return None;
        }
        let mut name = [0; 32];
        OwnLibrary::from_soname(self.object.soname(&mut name).ok().flatten()?)
    }

    /// The model, and how it is known.
    fn tls_model(&self) -> (Option<TlsModel>, Option<ModelEvidence>) {
        use ModelEvidence::{Assumed, Proved};
        let facts = &self.facts;
        let mut uses = facts
            .symbols
            .iter()
            .filter(|fact| fact.name == SymbolName::Abi);
        let Some(first) = uses.next() else {
            return (None, None);
        };
        let defines = first.role == Role::Defines || uses.any(|fact| fact.role == Role::Defines);
        let readable = !facts.damage.contains(Damage::RELOCATIONS);
        let (model, evidence) = match (self.seen.model(), facts.kind) {
            (Some((model, evidence)), _) => (Some(model), evidence),
            (None, ObjectKind::Debug) => return (None, None),
            // nothing in the object file asks for what it defines
            (None, ObjectKind::Relocatable)
                if defines && readable && has_link_access(facts.machine) =>
            {
                (None, Proved)
            }
            // a program's accesses to its own storage need no relocation: the
            // code may tell more
            (None, ObjectKind::Executable) if defines && readable => {
                (Some(TlsModel::LocalExec), Assumed)
            }
            // a library's always do: it defines the area and leaves it alone
            (None, ObjectKind::Shared) if defines && readable && is_known(facts.machine) => {
                (None, Proved)
            }
            (None, _) => return (Some(TlsModel::Unknown), None),
        };
        (model, Some(evidence))
    }
}

fn is_area_definition(candidate: &Candidate) -> bool {
    candidate.name == SymbolName::Abi
        && candidate.symbol.kind == STT_TLS
        && candidate.symbol.is_defined()
}

pub(super) const fn as_bytes<const N: usize>(names: [&'static str; N]) -> [&'static [u8]; N] {
    let mut bytes: [&[u8]; N] = [&[]; N];
    let mut index = 0;
    while index < N {
        bytes[index] = names[index].as_bytes();
        index += 1;
    }
    bytes
}
