//! The facts about one object.

use crate::critical::Critical;
use crate::elf::{BuildId, Class, Layout};
use crate::rseq::{ORIGINAL_ALIGN, ORIGINAL_LENGTH};

use super::{
    Damage, ModelEvidence, NameSet, Role, SectionName, Sections, SymbolFact, SymbolKind,
    SymbolName, Symbols, TlsModel, TlsModels, machine_name,
};

/// What an object is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A program: `ET_EXEC`, or `ET_DYN` that the linker marked as one
    /// (`DF_1_PIE`) or that names an interpreter and has no `DT_SONAME` (a
    /// library that can be run, such as libc.so.6, has one).
    Executable,
    /// A shared library.
    Shared,
    /// An object file or kernel module.
    Relocatable,
    /// A core dump.
    Core,
    /// Debugging information split from another object: it repeats that
    /// object's symbols, and nothing in it runs.
    Debug,
    /// Anything else.
    Other,
}

impl Kind {
    /// The word used in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Executable => "executable",
            Self::Shared => "shared",
            Self::Relocatable => "relocatable",
            Self::Core => "core",
            Self::Debug => "debug",
            Self::Other => "other",
        }
    }
}

/// The thread-local storage segment: sizes and alignment in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tls {
    /// Bytes per thread.
    pub memsz: u64,
    /// Bytes of them that have an initial value in the file.
    pub filesz: u64,
    /// Alignment.
    pub align: u64,
    /// Link-time address of the initial values.
    pub vaddr: u64,
}

/// The dynamic flags that matter to rseq.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DynamicFlags {
    /// `DF_1_NODELETE`: never unloaded.
    pub nodelete: bool,
    /// `DF_STATIC_TLS`: some access in it is initial-exec.
    pub static_tls: bool,
    /// `DF_1_INITFIRST`: initialised before the others.
    pub initfirst: bool,
    /// `DF_BIND_NOW`, `DF_1_NOW` or `DT_BIND_NOW`.
    pub bind_now: bool,
    /// `DF_SYMBOLIC` or `DT_SYMBOLIC`: its own definitions win in it.
    pub symbolic: bool,
}

/// How sure a fact is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Evidence {
    /// The object says so itself.
    Proved,
    /// Nothing else is known that looks like this.
    Likely,
}

impl Evidence {
    /// Returns the word used in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Proved => "proved",
            Self::Likely => "likely",
        }
    }
}

/// What one object says about rseq and thread-local storage.
///
/// Read by [`Facts::read`]; about 1 KiB of plain data.
#[derive(Clone, Copy, Debug)]
pub struct Facts {
    /// `e_machine`.
    pub machine: u16,
    /// Class and byte order.
    pub layout: Layout,
    /// What the object is for.
    pub kind: Kind,
    /// The GNU build id.
    pub build_id: Option<BuildId>,
    /// It names a program interpreter.
    pub has_interpreter: bool,
    /// It is a program that no dynamic linker helps to start: neither an
    /// interpreter nor a needed library. Nothing can be preloaded into it.
    pub is_static: bool,
    /// It still has its link-time symbols.
    pub has_symtab: bool,
    /// Its thread-local storage.
    pub tls: Option<Tls>,
    /// Its dynamic flags.
    pub flags: DynamicFlags,
    /// What it does with the rseq symbols.
    pub symbols: Symbols,
    /// It can ask the dynamic linker for names: it refers to, or defines,
    /// `dlsym` or `dlvsym`.
    pub looks_up_names: bool,
    /// The rseq symbols whose names it holds as strings only, where it can
    /// call `dlsym`.
    pub asked_by_name: NameSet,
    /// How it gets at `__rseq_abi`; none where it does not use it.
    pub tls_model: Option<TlsModel>,
    /// How that is known; none where nothing is: it neither defines nor refers to
    /// `__rseq_abi`, or the model is unknown.
    pub tls_evidence: Option<ModelEvidence>,
    /// Further models in which it gets at `__rseq_abi`, each proved by a
    /// relocation.
    pub other_tls_models: TlsModels,
    /// Link-time address of the word that the dynamic linker fills with the
    /// offset of `__rseq_abi` from the thread pointer (the first, where there
    /// are several).
    pub area_slot: Option<u64>,
    /// Link-time address of the pair of words with which it asks for its own
    /// storage (the first, where there are several).
    pub module_slot: Option<u64>,
    /// The rseq sections it has.
    pub sections: Sections,
    /// What its critical sections are like, where they have been read.
    pub critical: Option<Critical>,
    /// What could not be used.
    pub damage: Damage,
    /// Some of the damage is that the bytes end before the tables do.
    pub truncated: bool,
    /// Error number of the first read that failed; the facts then are those of
    /// the rest.
    pub read_error: Option<i32>,
}

impl Facts {
    /// The machine's name, where it has one here.
    #[must_use]
    pub fn machine_name(&self) -> Option<&'static str> {
        machine_name(self.machine, self.layout.class)
    }

    /// ELF class as used in reports.
    #[must_use]
    pub const fn class_name(&self) -> &'static str {
        match self.layout.class {
            Class::Elf32 => "elf32",
            Class::Elf64 => "elf64",
        }
    }

    /// Whether the object says anything about rseq.
    #[must_use]
    pub fn mentions_rseq(&self) -> bool {
        !self.symbols.is_empty()
            || !self.sections.is_empty()
            || !self.asked_by_name.is_empty()
            || self.found_sections() != 0
    }

    /// Number of critical section descriptors that were found by their looks, in
    /// an object without section headers.
    fn found_sections(&self) -> u64 {
        self.critical
            .filter(|critical| critical.found)
            .map_or(0, |critical| critical.read.into())
    }

    /// How sure it is that the object has its critical sections; none where it
    /// has none.
    #[must_use]
    pub fn critical_evidence(&self) -> Option<Evidence> {
        if self.found_sections() != 0 {
            Some(Evidence::Likely)
        } else {
            (self.critical_sections() != 0).then_some(Evidence::Proved)
        }
    }

    /// Number of critical section descriptors: 32 bytes each on every machine
    /// (`struct rseq_cs`).
    #[must_use]
    pub fn critical_sections(&self) -> u64 {
        if self.found_sections() != 0 {
            return self.found_sections();
        }
        let bytes = self.sections.size(SectionName::Descriptors).unwrap_or(0);
        bytes / size_of::<crate::rseq::RseqCs>() as u64
    }

    /// Whether the object is a linked program or library, so that its
    /// definitions are final.
    #[must_use]
    pub fn is_linked(&self) -> bool {
        matches!(self.kind, Kind::Executable | Kind::Shared)
    }

    /// The `__rseq_abi` that other objects would bind to: defined in the
    /// dynamic symbol table as a TLS symbol, of default or protected
    /// visibility, and no copy relocation.
    #[must_use]
    pub fn exported_definition(&self) -> Option<&SymbolFact> {
        self.symbols.iter().find(|fact| {
            fact.name == SymbolName::Abi && fact.kind == SymbolKind::Tls && fact.is_exported()
        })
    }

    /// Whether the object is a libc that owns `__rseq_abi`, or a static program
    /// with one: it defines the symbol and `__rseq_handled`, and knows
    /// `__rseq_offset`. Such a libc registers the first definition in the global
    /// scope in every thread.
    #[must_use]
    pub fn is_owning_libc(&self) -> bool {
        let has = |name, must_define: bool| {
            self.symbols
                .iter()
                .any(|fact| fact.name == name && (!must_define || fact.role == Role::Defines))
        };
        self.is_linked()
            && has(SymbolName::Abi, true)
            && has(SymbolName::Handled, true)
            && has(SymbolName::Offset, false)
    }

    /// Whether the object has an `__rseq_abi` of its own that the dynamic
    /// linker cannot see: see [`Self::hidden_definition_evidence`].
    #[must_use]
    pub fn hidden_definition(&self) -> bool {
        self.hidden_definition_evidence().is_some()
    }

    /// Whether the object brings a client: a hidden definition that it registers
    /// itself. One that asks for `__rseq_offset` (by reference, or by a name for
    /// `dlsym`), as librseq does, takes the libc's area where there is one, and its
    /// own only where there is none.
    #[must_use]
    pub fn brings_client(&self) -> bool {
        let asks = self
            .symbols
            .iter()
            .any(|fact| fact.name == SymbolName::Offset && fact.role != Role::Defines)
            || self
                .asked_by_name
                .iter()
                .any(|name| name == SymbolName::Offset);
        self.hidden_definition() && !asks
    }

    /// How sure it is that a linked object has an `__rseq_abi` of its own that
    /// the dynamic linker cannot see.
    ///
    /// *Proved*: its link-time symbols define `__rseq_abi`, its dynamic ones do
    /// not export it. *Likely*: the link-time symbols are gone, and there are
    /// critical sections (`__rseq_cs` or `__rseq_cs_ptr_array`), thread-local
    /// storage of at least 32 bytes that is aligned to at least 32, and no
    /// dynamic symbol that would lead to somebody else's area (`__rseq_abi`,
    /// `__rseq_offset`). Never: that of a static program's own libc
    /// ([`Self::is_owning_libc`]).
    #[must_use]
    pub fn hidden_definition_evidence(&self) -> Option<Evidence> {
        if !self.is_linked() || self.exported_definition().is_some() || self.is_owning_libc() {
            return None;
        }
        let mut area_symbols = self
            .symbols
            .iter()
            .filter(|fact| matches!(fact.name, SymbolName::Abi | SymbolName::Offset));
        let proved = self.hidden_symbol().is_some();
        if proved {
            return Some(Evidence::Proved);
        }
        let has_sections = self.sections.size(SectionName::Descriptors).is_some()
            || self.sections.size(SectionName::Pointers).is_some()
            || self.found_sections() != 0;
        let has_room = self.tls.is_some_and(|tls| {
            tls.memsz >= u64::from(ORIGINAL_LENGTH) && tls.align >= u64::from(ORIGINAL_ALIGN)
        });
        let likely = !self.has_symtab && has_sections && has_room && area_symbols.next().is_none();
        likely.then_some(Evidence::Likely)
    }

    /// Whether its `__rseq_abi` is a copy of somebody else's.
    #[must_use]
    pub fn is_copied_area(&self) -> bool {
        self.symbols
            .iter()
            .any(|fact| fact.name == SymbolName::Abi && fact.role == Role::Copies)
    }

    /// The definition of `__rseq_abi` that only the link-time symbols (or the
    /// dynamic ones, but not for others) show.
    fn hidden_symbol(&self) -> Option<&SymbolFact> {
        self.symbols.iter().find(|fact| {
            fact.name == SymbolName::Abi && fact.role == Role::Defines && !fact.is_exported()
        })
    }

    /// The object's own `__rseq_abi`, exported or hidden, where a symbol shows
    /// it.
    #[must_use]
    pub fn definition(&self) -> Option<&SymbolFact> {
        self.exported_definition().or_else(|| self.hidden_symbol())
    }
}
