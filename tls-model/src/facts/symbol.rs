//! One symbol that has to do with rseq.

use goblin::elf::sym;

use crate::elf::Symbol;

/// The symbols that have to do with rseq.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum SymbolName {
    /// `__rseq_abi`: the shared area.
    Abi,
    /// `__rseq_offset`: from the thread pointer to the libc's area (glibc
    /// 2.35).
    Offset,
    /// `__rseq_size`: how much of it is in use, 0 for none (glibc 2.35).
    Size,
    /// `__rseq_flags`: flags of the registration (glibc 2.35).
    Flags,
    /// `__rseq_handled`: somebody registers threads (librseq's old contract).
    Handled,
    /// `__rseq_abi_nobody`: defined by nobody, to tell a missing `__rseq_abi` by
    /// (`rseq_abi.h`).
    Nobody,
}

impl SymbolName {
    /// Every name.
    pub const ALL: [Self; 6] = [
        Self::Abi,
        Self::Offset,
        Self::Size,
        Self::Flags,
        Self::Handled,
        Self::Nobody,
    ];

    /// The names as they stand in objects, in the order of [`Self::ALL`].
    pub const NAMES: [&'static str; 6] = [
        crate::rseq::ABI_SYMBOL,
        "__rseq_offset",
        "__rseq_size",
        "__rseq_flags",
        "__rseq_handled",
        "__rseq_abi_nobody",
    ];

    /// Returns the name as it stands in objects.
    #[must_use]
    pub const fn name(self) -> &'static str {
        Self::NAMES[self as usize]
    }
}

/// Some of the symbols.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NameSet(u8);

impl NameSet {
    /// Returns whether a name is among them.
    #[must_use]
    pub const fn contains(self, name: SymbolName) -> bool {
        self.0 & (1 << name as u8) != 0
    }

    /// Returns whether there are none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Returns the names, in the order of [`SymbolName::ALL`].
    pub fn iter(self) -> impl Iterator<Item = SymbolName> {
        SymbolName::ALL
            .into_iter()
            .filter(move |name| self.contains(*name))
    }

    pub(super) const fn insert(&mut self, name: SymbolName) {
        self.0 |= 1 << name as u8;
    }
}

/// What an object does with a symbol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// It has a definition of its own.
    Defines,
    /// It uses somebody else's.
    References,
    /// It uses somebody else's through a copy relocation, which looks like a
    /// definition in the symbol table.
    Copies,
}

impl Role {
    /// Returns the word used in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Defines => "defines",
            Self::References => "references",
            Self::Copies => "copies",
        }
    }
}

/// Symbol binding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Binding {
    /// Seen in its object file only.
    Local,
    /// Seen everywhere.
    Global,
    /// As global, and need not be defined.
    Weak,
    /// One per process, whatever the scopes (GNU).
    Unique,
    /// Any other; the number.
    Other(u8),
}

impl Binding {
    /// Returns the word used in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Global => "global",
            Self::Weak => "weak",
            Self::Unique => "unique",
            Self::Other(_) => "other",
        }
    }
}

/// Symbol visibility.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Visibility {
    /// As the binding says.
    Default,
    /// As hidden, with freedom for the processor's ABI.
    Internal,
    /// Not outside its component.
    Hidden,
    /// Seen outside, not replaced from there.
    Protected,
}

impl Visibility {
    /// Returns the word used in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::Internal => "internal",
            Self::Hidden => "hidden",
            Self::Protected => "protected",
        }
    }
}

/// Symbol type, as far as it matters here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SymbolKind {
    /// Unspecified, as in many undefined references.
    NoType,
    /// Data.
    Object,
    /// Thread-local data.
    Tls,
    /// Any other; the number.
    Other(u8),
}

/// Where a symbol was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SymbolTable {
    /// The dynamic symbols: what the dynamic linker sees.
    Dynsym,
    /// The link-time symbols: what is left for debuggers.
    Symtab,
    /// The symbols of intermediate code, for the link editor's plug-in.
    Lto,
}

impl SymbolTable {
    /// Returns the word used in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Dynsym => "dynsym",
            Self::Symtab => "symtab",
            Self::Lto => "lto",
        }
    }
}

/// What an object does with one symbol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SymbolFact {
    /// Which symbol.
    pub name: SymbolName,
    /// What the object does with it.
    pub role: Role,
    /// Its binding.
    pub binding: Binding,
    /// Its visibility.
    pub visibility: Visibility,
    /// Its type.
    pub kind: SymbolKind,
    /// Where it was found; a symbol that is in both tables counts once, from
    /// the dynamic one.
    pub table: SymbolTable,
    /// `st_size` in bytes.
    pub size: u64,
    /// `st_value`; for TLS the offset in bytes in the object's TLS segment.
    pub value: u64,
}

impl SymbolFact {
    /// Returns a symbol of intermediate code, of which no more is known.
    pub(super) const fn of_intermediate(
        name: SymbolName,
        role: Role,
        binding: Binding,
        visibility: Visibility,
        size: u64,
    ) -> Self {
        Self {
            name,
            role,
            binding,
            visibility,
            kind: SymbolKind::NoType,
            table: SymbolTable::Lto,
            size,
            value: 0,
        }
    }

    pub(super) fn new(name: SymbolName, role: Role, table: SymbolTable, symbol: &Symbol) -> Self {
        Self {
            name,
            role,
            binding: match symbol.binding {
                sym::STB_LOCAL => Binding::Local,
                sym::STB_GLOBAL => Binding::Global,
                sym::STB_WEAK => Binding::Weak,
                sym::STB_GNU_UNIQUE => Binding::Unique,
                other => Binding::Other(other),
            },
            visibility: match symbol.visibility {
                sym::STV_INTERNAL => Visibility::Internal,
                sym::STV_HIDDEN => Visibility::Hidden,
                sym::STV_PROTECTED => Visibility::Protected,
                _ => Visibility::Default,
            },
            kind: match symbol.kind {
                sym::STT_NOTYPE => SymbolKind::NoType,
                sym::STT_OBJECT => SymbolKind::Object,
                sym::STT_TLS => SymbolKind::Tls,
                other => SymbolKind::Other(other),
            },
            table,
            size: symbol.size,
            value: symbol.value,
        }
    }

    /// Returns whether other objects can bind to it: a definition in the dynamic
    /// symbol table that is neither local nor hidden.
    #[must_use]
    pub fn is_exported(&self) -> bool {
        self.role == Role::Defines
            && self.table == SymbolTable::Dynsym
            && matches!(
                self.binding,
                Binding::Global | Binding::Weak | Binding::Unique
            )
            && matches!(self.visibility, Visibility::Default | Visibility::Protected)
    }

    /// Returns whether it is an `__rseq_abi` that other objects can bind to.
    #[must_use]
    pub fn is_exported_area(&self) -> bool {
        self.name == SymbolName::Abi && self.kind == SymbolKind::Tls && self.is_exported()
    }

    /// Returns whether references within its object are bound to it, whatever
    /// else is there.
    #[must_use]
    pub fn is_protected(&self) -> bool {
        self.visibility == Visibility::Protected
    }

    /// Returns whether it says nothing that `other` does not say already.
    fn repeats(&self, other: &Self) -> bool {
        self.name == other.name
            && self.role == other.role
            && self.table != other.table
            && (self.role != Role::Defines || self.value == other.value)
    }
}

/// Symbol facts that are kept per object. Versions of one symbol and local
/// symbols of the same name make more than one per name; real objects have at
/// most five.
pub const MOST_SYMBOLS: usize = 16;

/// The symbol facts of one object.
#[derive(Clone, Copy, Debug, Default)]
pub struct Symbols {
    facts: [Option<SymbolFact>; MOST_SYMBOLS],
}

impl Symbols {
    /// Returns the facts in the order in which they were found: the dynamic symbols
    /// first.
    pub fn iter(&self) -> impl Iterator<Item = &SymbolFact> {
        self.facts.iter().flatten()
    }

    /// Returns whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }

    /// Adds a fact unless it repeats one; false where there is no room.
    pub(super) fn add(&mut self, fact: SymbolFact) -> bool {
        if self.iter().any(|known| fact.repeats(known)) {
            return true;
        }
        match self.facts.iter_mut().find(|slot| slot.is_none()) {
            Some(slot) => {
                *slot = Some(fact);
                true
            }
            None => false,
        }
    }
}
