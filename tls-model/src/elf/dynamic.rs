//! What the dynamic section says.

use goblin::elf::dynamic as dt;

// Tags of relocations that take fewer bytes, which goblin lacks. Those packed in
// DT_RELR, and Android's form of it, have no symbols.
const DT_ANDROID_REL: u64 = 0x6000_000f;
const DT_ANDROID_RELSZ: u64 = 0x6000_0010;
const DT_ANDROID_RELA: u64 = 0x6000_0011;
const DT_ANDROID_RELASZ: u64 = 0x6000_0012;
const DT_CREL: u64 = 0x4000_0026;

/// What the dynamic section says. Addresses are link-time addresses; sizes are
/// in bytes; strings are offsets in the dynamic string table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dynamic {
    /// Number of `DT_NEEDED` entries.
    pub needed: u64,
    /// `DT_FLAGS` (`DF_*`).
    pub flags: u64,
    /// `DT_FLAGS_1` (`DF_1_*`).
    pub flags_1: u64,
    /// `DT_SYMBOLIC` is there.
    pub symbolic: bool,
    /// `DT_BIND_NOW` is there.
    pub bind_now: bool,
    /// `DT_SONAME`.
    pub soname: Option<u64>,
    /// `DT_RPATH`.
    pub rpath: Option<u64>,
    /// `DT_RUNPATH`.
    pub runpath: Option<u64>,
    /// `DT_STRTAB`: address of the string table.
    pub strtab: Option<u64>,
    /// `DT_STRSZ`: its size.
    pub strsz: u64,
    /// `DT_SYMTAB`: address of the symbol table.
    pub symtab: Option<u64>,
    /// `DT_SYMENT`: bytes from one symbol to the next.
    pub syment: Option<u64>,
    /// `DT_HASH`: address of the System V hash table.
    pub hash: Option<u64>,
    /// `DT_GNU_HASH`: address of the GNU hash table.
    pub gnu_hash: Option<u64>,
    /// `DT_VERSYM`: address of the symbols' version numbers.
    pub versym: Option<u64>,
    pub(super) rela: Option<u64>,
    pub(super) rela_size: u64,
    pub(super) rel: Option<u64>,
    pub(super) rel_size: u64,
    pub(super) android_rela: Option<u64>,
    pub(super) android_rela_size: u64,
    pub(super) android_rel: Option<u64>,
    pub(super) android_rel_size: u64,
    pub(super) crel: Option<u64>,
    pub(super) jmprel: Option<u64>,
    pub(super) jmprel_size: u64,
    /// `DT_PLTREL`: `DT_RELA` or `DT_REL`.
    pub(super) jmprel_kind: u64,
    /// File offset of the section itself.
    pub(super) offset: u64,
    /// Entries before `DT_NULL`.
    pub(super) entries: u64,
}

impl Dynamic {
    /// Returns whether the object's own definitions come first in it
    /// (`DF_SYMBOLIC` or `DT_SYMBOLIC`).
    #[must_use]
    pub const fn is_symbolic(&self) -> bool {
        is_symbolic(self.symbolic, self.flags)
    }
}

impl Dynamic {
    pub(super) fn note(&mut self, tag: u64, value: u64, bias: u64) {
        // A value at or above the bias has been relocated in place.
        let address = Some(value.checked_sub(bias).unwrap_or(value));
        match tag {
            dt::DT_NEEDED => self.needed = self.needed.saturating_add(1),
            dt::DT_FLAGS => self.flags = value,
            dt::DT_FLAGS_1 => self.flags_1 = value,
            dt::DT_SYMBOLIC => self.symbolic = true,
            dt::DT_BIND_NOW => self.bind_now = true,
            dt::DT_SONAME => self.soname = Some(value),
            dt::DT_RPATH => self.rpath = Some(value),
            dt::DT_RUNPATH => self.runpath = Some(value),
            dt::DT_STRTAB => self.strtab = address,
            dt::DT_STRSZ => self.strsz = value,
            dt::DT_SYMTAB => self.symtab = address,
            dt::DT_SYMENT => self.syment = Some(value),
            dt::DT_HASH => self.hash = address,
            dt::DT_GNU_HASH => self.gnu_hash = address,
            dt::DT_VERSYM => self.versym = address,
            dt::DT_RELA => self.rela = address,
            dt::DT_RELASZ => self.rela_size = value,
            dt::DT_REL => self.rel = address,
            dt::DT_RELSZ => self.rel_size = value,
            DT_ANDROID_RELA => self.android_rela = address,
            DT_ANDROID_RELASZ => self.android_rela_size = value,
            DT_ANDROID_REL => self.android_rel = address,
            DT_ANDROID_RELSZ => self.android_rel_size = value,
            DT_CREL => self.crel = address,
            dt::DT_JMPREL => self.jmprel = address,
            dt::DT_PLTRELSZ => self.jmprel_size = value,
            dt::DT_PLTREL => self.jmprel_kind = value,
            _ => {}
        }
    }
}

/// Returns whether the dynamic section says that the object's own definitions come first
/// in it: by `DT_SYMBOLIC`, or by a flag of `DT_FLAGS`.
#[inline]
#[must_use]
pub const fn is_symbolic(has_symbolic: bool, flags: u64) -> bool {
    has_symbolic || flags & dt::DF_SYMBOLIC != 0
}

/// Returns whether an object uses its own definition of a symbol that it exports, whatever
/// other definition comes first: it is symbolic, or the symbol is protected.
#[inline]
#[must_use]
pub const fn binds_to_itself(is_symbolic: bool, is_protected: bool) -> bool {
    is_symbolic || is_protected
}
