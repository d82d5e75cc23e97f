//! The report on one object: what its tables say, and what lies behind them.
//!
//! Every part of the project that judges an object judges a report; the crate
//! `rseq-code`, which has decoders, makes it. So what the audit warns of, what
//! `rseqctl run` decides from and what `rseqctl ps` shows are the same.

use crate::critical::Critical;
use crate::elf::Error;
use crate::facts::{
    Damage, Evidence, Facts, ModelEvidence, NameSet, OwnLibrary, Role, SectionName, SymbolFact,
    SymbolName, TlsAccess, TlsModel,
};
use crate::rseq::{ORIGINAL_ALIGN, ORIGINAL_LENGTH, RseqCs};

/// What one object says about rseq and thread-local storage.
#[derive(Clone, Copy, Debug)]
pub struct ObjectReport {
    /// What its tables say.
    pub facts: Facts,
    /// What its code and its constants say.
    pub code: CodeFacts,
}

/// What lies behind the tables of an object, as far as it was read.
#[derive(Clone, Copy, Debug, Default)]
pub struct CodeFacts {
    /// The rseq symbols whose names it holds as strings only, where it can
    /// call `dlsym`.
    pub asked_by_name: NameSet,
    /// What its critical sections are like.
    pub critical: Option<Critical>,
    /// How its code accesses `__rseq_abi`, where the tables only assume it.
    pub access: Option<(Option<TlsModel>, ModelEvidence)>,
    /// What could not be used.
    pub damage: Damage,
    /// Some of the damage is that the bytes end too early.
    pub truncated: bool,
    /// Error number of the first read that failed.
    pub read_error: Option<i32>,
}

impl CodeFacts {
    /// Notes that a part could not be used.
    pub const fn note_damage(&mut self, part: Damage, error: Error) {
        self.damage.insert(part);
        match error {
            Error::Truncated => self.truncated = true,
            Error::Read(error) if self.read_error.is_none() => {
                self.read_error = Some(error.errno);
            }
            _ => {}
        }
    }
}

impl ObjectReport {
    /// Returns the report on an object of which nothing but its tables was read.
    #[must_use]
    pub fn of_tables(facts: Facts) -> Self {
        Self {
            facts,
            code: CodeFacts::default(),
        }
    }

    /// Returns how the object accesses `__rseq_abi`.
    #[must_use]
    pub fn access(&self) -> TlsAccess {
        let tables = self.facts.access;
        match self.code.access {
            None => tables,
            Some((model, evidence)) => TlsAccess {
                model,
                evidence: Some(evidence),
                ..tables
            },
        }
    }

    /// Returns the parts of the object that could not be used. What the other
    /// parts say still holds.
    #[must_use]
    pub const fn damage(&self) -> Damage {
        let mut damage = self.facts.damage;
        damage.insert(self.code.damage);
        damage
    }

    /// Returns whether some of the damage is that the bytes end too early.
    #[must_use]
    pub const fn is_truncated(&self) -> bool {
        self.facts.truncated || self.code.truncated
    }

    /// Returns the error number of the first read that failed.
    #[must_use]
    pub fn read_error(&self) -> Option<i32> {
        self.facts.read_error.or(self.code.read_error)
    }

    /// Returns whether the object says anything about rseq.
    #[must_use]
    pub fn mentions_rseq(&self) -> bool {
        !self.facts.symbols.is_empty()
            || !self.facts.sections.is_empty()
            || !self.code.asked_by_name.is_empty()
            || self.found_sections() != 0
    }

    /// Returns the number of critical section descriptors that were found by their looks, in
    /// an object without section headers.
    fn found_sections(&self) -> u64 {
        self.code
            .critical
            .filter(|critical| critical.found)
            .map_or(0, |critical| critical.read.into())
    }

    /// Returns how sure it is that the object has its critical sections; `None` where it
    /// has none.
    #[must_use]
    pub fn critical_evidence(&self) -> Option<Evidence> {
        if self.found_sections() != 0 {
            Some(Evidence::Likely)
        } else {
            (self.critical_sections() != 0).then_some(Evidence::Proved)
        }
    }

    /// Returns the number of critical section descriptors: 32 bytes each on every machine
    /// (`struct rseq_cs`).
    #[must_use]
    pub fn critical_sections(&self) -> u64 {
        if self.found_sections() != 0 {
            return self.found_sections();
        }
        let bytes = self
            .facts
            .sections
            .size(SectionName::Descriptors)
            .unwrap_or(0);
        bytes / size_of::<RseqCs>() as u64
    }

    /// Returns whether the object has an `__rseq_abi` of its own that the dynamic
    /// linker cannot see: see [`Self::hidden_definition_evidence`].
    #[must_use]
    pub fn hidden_definition(&self) -> bool {
        self.hidden_definition_evidence().is_some()
    }

    /// Returns whether the object is a program that registers its threads itself, by
    /// `librseq_owner.a`, in an `__rseq_abi` that it does not export. It asks for the
    /// libc's area only to step aside.
    #[must_use]
    pub fn owns_itself(&self) -> bool {
        self.facts.is_linked()
            && self.facts.sections.size(SectionName::Owner).is_some()
            && self.facts.exported_definition().is_none()
    }

    /// Returns whether the object brings a client: a hidden definition that it
    /// registers itself. One that asks for `__rseq_offset` (by reference, or by a
    /// name for `dlsym`), as librseq does, takes the libc's area where there is one,
    /// and its own only where there is none.
    #[must_use]
    pub fn brings_client(&self) -> bool {
        self.owns_itself() || self.hidden_definition() && !self.asks_for_libcs_area()
    }

    /// Returns whether the object has critical sections that may run on the area that the
    /// libc registers: it asks for `__rseq_offset`. Never: the libc itself.
    #[must_use]
    pub fn may_use_libcs_area(&self) -> bool {
        !self.facts.sections.is_empty() && self.asks_for_libcs_area()
    }

    /// Returns whether it refers to `__rseq_offset`, or has its name for `dlsym`.
    fn asks_for_libcs_area(&self) -> bool {
        let is_offset = |name| name == SymbolName::Offset;
        let mut symbols = self.facts.symbols.iter();
        let refers = symbols.any(|fact| is_offset(fact.name) && fact.role != Role::Defines);
        refers || self.code.asked_by_name.iter().any(is_offset)
    }

    /// Returns how sure it is that a linked object has an `__rseq_abi` of its own that
    /// the dynamic linker cannot see.
    ///
    /// *Proved*: its link-time symbols define `__rseq_abi`, its dynamic ones do
    /// not export it. *Likely*: the link-time symbols are gone, and there are
    /// critical sections (`__rseq_cs` or `__rseq_cs_ptr_array`), thread-local
    /// storage of at least 32 bytes that is aligned to at least 32, and no
    /// dynamic symbol that would lead to somebody else's area (`__rseq_abi`,
    /// `__rseq_offset`). The note of `librseq_owner.a` proves it as well. Never: that of a
    /// static program's own libc ([`Facts::is_owning_libc`]).
    #[must_use]
    pub fn hidden_definition_evidence(&self) -> Option<Evidence> {
        if !self.facts.is_linked()
            || self.facts.exported_definition().is_some()
            || self.facts.is_owning_libc()
        {
            return None;
        }
        let mut area_symbols = self
            .facts
            .symbols
            .iter()
            .filter(|fact| matches!(fact.name, SymbolName::Abi | SymbolName::Offset));
        let proved = self.facts.hidden_symbol().is_some();
        if proved || self.owns_itself() {
            return Some(Evidence::Proved);
        }
        let has_sections = self.facts.sections.size(SectionName::Descriptors).is_some()
            || self.facts.sections.size(SectionName::Pointers).is_some()
            || self.found_sections() != 0;
        let has_room = self.facts.tls.is_some_and(|tls| {
            tls.memsz >= u64::from(ORIGINAL_LENGTH) && tls.align >= u64::from(ORIGINAL_ALIGN)
        });
        let likely =
            !self.facts.has_symtab && has_sections && has_room && area_symbols.next().is_none();
        likely.then_some(Evidence::Likely)
    }

    /// Returns the `__rseq_abi` that other objects would bind to.
    #[must_use]
    pub fn exported_definition(&self) -> Option<&SymbolFact> {
        self.facts.exported_definition()
    }

    /// Returns whether the object brings an `__rseq_abi` of its own, exported or
    /// hidden. That of a libc, and that of last resort, are there for whoever
    /// brings none.
    #[must_use]
    pub fn brings_definition(&self) -> bool {
        !self.facts.is_owning_libc()
            && self.facts.library != Some(OwnLibrary::Abi)
            && (self.exported_definition().is_some() || self.brings_client())
    }

    /// Returns whether the object's code uses its own `__rseq_abi` although
    /// another object of the program has one, too: a hidden one, or one that is
    /// bound within the object, unless it is the one that wins in the global
    /// scope.
    #[must_use]
    pub fn keeps_its_own_area(&self, wins: bool) -> bool {
        self.brings_client() || !wins && self.facts.binds_to_itself()
    }
}
