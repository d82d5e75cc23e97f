//! The facts about one object.

use crate::elf::{BuildId, Class, Layout, binds_to_itself};

use super::{
    Damage, OwnLibrary, Role, Sections, SymbolFact, SymbolName, Symbols, Tls, TlsAccess, TlsLayout,
    machine_name,
};

/// What an object is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ObjectKind {
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

impl ObjectKind {
    /// Returns the word used in reports.
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

/// What the tables of one object say about rseq and thread-local storage: its
/// headers, symbols, relocations and notes.
///
/// Read by [`Facts::read`]; about 1 KiB of plain data. What takes the code to
/// know is in a [`crate::report::ObjectReport`].
#[derive(Clone, Copy, Debug)]
pub struct Facts {
    /// `e_machine`.
    pub machine: u16,
    /// Class and byte order.
    pub layout: Layout,
    /// What the object is for.
    pub kind: ObjectKind,
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
    /// How it accesses `__rseq_abi`, as far as its tables say it. The code may say
    /// more: [`crate::report::ObjectReport::access`].
    pub access: TlsAccess,
    /// Link-time address of the word that the dynamic linker fills with the
    /// offset of `__rseq_abi` from the thread pointer (the first, where there
    /// are several).
    pub area_slot: Option<u64>,
    /// Link-time address of the pair of words with which it asks for its own
    /// storage (the first, where there are several).
    pub module_slot: Option<u64>,
    /// Link-time address of the pair of words (TLSDESC) with which it asks for the
    /// offset of `__rseq_abi` from the thread pointer (the first, where there are
    /// several).
    pub descriptor_slot: Option<u64>,
    /// The rseq sections it has.
    pub sections: Sections,
    /// It is an object file without machine code: a compiler's intermediate code, of
    /// which the link editor will have machine code made. Its symbols are known where
    /// the compiler has left a table of them.
    pub is_intermediate: bool,
    /// It is a library of this project.
    pub library: Option<OwnLibrary>,
    /// What could not be used.
    pub damage: Damage,
    /// Some of the damage is that the bytes end before the tables do.
    pub truncated: bool,
    /// Error number of the first read that failed; the facts then are those of
    /// the rest.
    pub read_error: Option<i32>,
}

impl Facts {
    /// Returns the machine's name, where it has one here.
    #[must_use]
    pub fn machine_name(&self) -> Option<&'static str> {
        machine_name(self.machine, self.layout.class)
    }

    /// Returns where its machine puts static thread-local storage, where that is known.
    #[must_use]
    pub fn tls_layout(&self) -> Option<TlsLayout> {
        TlsLayout::of(self.machine, self.layout.class)
    }

    /// Returns the ELF class as used in reports.
    #[must_use]
    pub const fn class_name(&self) -> &'static str {
        match self.layout.class {
            Class::Elf32 => "elf32",
            Class::Elf64 => "elf64",
        }
    }

    /// Returns whether the object is a linked program or library, so that its
    /// definitions are final.
    #[must_use]
    pub fn is_linked(&self) -> bool {
        matches!(self.kind, ObjectKind::Executable | ObjectKind::Shared)
    }

    /// Returns the `__rseq_abi` that other objects would bind to: defined in the
    /// dynamic symbol table as a TLS symbol, of default or protected
    /// visibility, and no copy relocation.
    #[must_use]
    pub fn exported_definition(&self) -> Option<&SymbolFact> {
        self.symbols.iter().find(|fact| fact.is_exported_area())
    }

    /// Returns whether the object is a libc that owns `__rseq_abi`, or a static program
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

    /// Returns whether its `__rseq_abi` is a copy of somebody else's.
    #[must_use]
    pub fn is_copied_area(&self) -> bool {
        self.symbols
            .iter()
            .any(|fact| fact.name == SymbolName::Abi && fact.role == Role::Copies)
    }

    /// Returns the definition of `__rseq_abi` that only the link-time symbols (or the
    /// dynamic ones, but not for others) show.
    pub(crate) fn hidden_symbol(&self) -> Option<&SymbolFact> {
        self.symbols.iter().find(|fact| {
            fact.name == SymbolName::Abi && fact.role == Role::Defines && !fact.is_exported()
        })
    }

    /// Returns the object's own `__rseq_abi`, exported or hidden, where a symbol shows
    /// it.
    #[must_use]
    pub fn definition(&self) -> Option<&SymbolFact> {
        self.exported_definition().or_else(|| self.hidden_symbol())
    }

    /// Returns whether it exports an `__rseq_abi` and uses that one itself,
    /// whatever other definition comes first: it is linked with `-Bsymbolic`, or
    /// the symbol is protected.
    #[must_use]
    pub fn binds_to_itself(&self) -> bool {
        self.exported_definition()
            .is_some_and(|area| binds_to_itself(self.flags.symbolic, area.is_protected()))
    }
}
