//! The tables of a loaded object in which the dynamic linker looks names up, read
//! where they lie.
//!
//! `tls-model` reads them as well, but by file offsets, which takes a page of
//! copies for each object: at every start and at every dlclose that is most of
//! the shim's price. What cannot be found out here is asked there.
//!
//! # Safety
//!
//! What this module owes: it follows the tables as the dynamic linker does at
//! every lookup, and no further. An object with damaged tables does not get far
//! enough to be shown.

#![allow(unsafe_code, reason = "objects' tables are read")]

use core::ffi::{CStr, c_char};
use core::marker::PhantomData;
use core::ptr::{null, with_exposed_provenance};

use goblin::elf::dynamic as dt;
use libc::Elf64_Sym;
use tls_model::rseq::ABI_SYMBOL;

use super::loaded::Loaded;
use super::section::{Section, relocated};

/// A version that only references to it find.
const HIDDEN_VERSION: u16 = 0x8000;

/// A name to look up.
#[derive(Clone, Copy)]
pub struct Name {
    /// The name.
    pub text: &'static [u8],
    hash: u32,
}

impl Name {
    /// Hashes it, as DT_GNU_HASH does.
    pub const fn new(text: &'static [u8]) -> Self {
        let mut hash: u32 = 5381;
        let mut rest = text;
        while let [byte, after @ ..] = rest {
            hash = hash.wrapping_mul(33).wrapping_add(*byte as u32);
            rest = after;
        }
        Self { text, hash }
    }
}

/// The symbol that owners of the registration define.
pub const AREA: Name = Name::new(ABI_SYMBOL.as_bytes());

/// The tables of one object.
pub struct Tables<'a> {
    object: PhantomData<&'a Loaded<'a>>,
    bias: u64,
    strings: *const u8,
    symbols: *const Elf64_Sym,
    /// Null where nothing has a version.
    versions: *const u16,
    /// `Elf64_Verdef`s: null where it defines no versions.
    definitions: *const VersionDefinition,
    hash: *const u32,
    soname: Option<usize>,
}

impl<'a> Tables<'a> {
    /// Finds them; `None` for an object without DT_GNU_HASH.
    pub fn of(loaded: &'a Loaded<'a>) -> Option<Self> {
        Self::named_by(loaded.section()?, loaded.info.dlpi_addr)
    }

    /// Finds them by a dynamic section of an object that has been moved so far.
    pub(super) fn named_by(section: Section, bias: u64) -> Option<Self> {
        let mut tables = Self {
            object: PhantomData,
            bias,
            strings: null(),
            symbols: null(),
            versions: null(),
            definitions: null(),
            hash: null(),
            soname: None,
        };
        for [tag, value] in section.entries() {
            match tag {
                dt::DT_STRTAB => tables.strings = tables.place(value)?,
                dt::DT_SYMTAB => tables.symbols = tables.place(value)?,
                dt::DT_VERSYM => tables.versions = tables.place(value)?,
                dt::DT_VERDEF => tables.definitions = tables.place(value)?,
                dt::DT_GNU_HASH => tables.hash = tables.place(value)?,
                dt::DT_SONAME => tables.soname = Some(value as usize),
                _ => {}
            }
        }
        let all = !tables.strings.is_null() && !tables.symbols.is_null();
        (all && !tables.hash.is_null()).then_some(tables)
    }

    fn place<T>(&self, value: u64) -> Option<*const T> {
        let address = relocated(value, self.bias);
        address
            .is_multiple_of(align_of::<T>())
            .then(|| with_exposed_provenance(address))
    }

    /// Returns DT_SONAME.
    pub fn soname(&self) -> Option<&'a [u8]> {
        self.soname.map(|offset| self.string(offset))
    }

    fn is_string(&self, offset: u32, text: &[u8]) -> bool {
        let start: *const c_char = self.strings.wrapping_add(offset as usize).cast();
        // SAFETY: a C string of the object's string table.
        let begins = unsafe { begins_with(start, text) };
        // SAFETY: what begins so goes on to its end at least.
        begins && unsafe { *start.wrapping_add(text.len()) } == 0
    }

    fn string(&self, offset: usize) -> &'a [u8] {
        let start: *const c_char = self.strings.wrapping_add(offset).cast();
        // SAFETY: a C string of the object's string table.
        unsafe { CStr::from_ptr(start) }.to_bytes()
    }

    /// Returns what an unversioned reference finds in this object alone: a definition in
    /// its default version.
    pub fn symbol(&self, name: Name) -> Option<&'a Elf64_Sym> {
        self.find(name, |version| version & HIDDEN_VERSION == 0)
    }

    /// Returns what a reference to this version finds in this object alone.
    pub fn symbol_in_version(&self, name: Name, version: Name) -> Option<&'a Elf64_Sym> {
        let wanted = self.version_number(version)?;
        self.find(name, |version| version & !HIDDEN_VERSION == wanted)
    }

    /// Returns the number by which symbols of this object say that they have a version.
    fn version_number(&self, name: Name) -> Option<u16> {
        let mut next = self.definitions;
        // SAFETY: a list whose last entry has no next one, or null.
        while let Some(definition) = unsafe { next.as_ref() } {
            let named: *const u32 = next.wrapping_byte_add(definition.names as usize).cast();
            // SAFETY: every definition has one name at least.
            if self.is_string(unsafe { *named }, name.text) {
                return Some(definition.number & !HIDDEN_VERSION);
            }
            if definition.next == 0 {
                break;
            }
            next = next.wrapping_byte_add(definition.next as usize);
        }
        None
    }

    /// Returns a definition whose version is right.
    fn find(&self, name: Name, is_right: impl Fn(u16) -> bool) -> Option<&'a Elf64_Sym> {
        let word = |index: usize| {
            // SAFETY: the callers stay inside the table.
            unsafe { self.hash.wrapping_add(index).read() }
        };
        let [buckets, first, blooms] = [word(0), word(1), word(2)];
        // SAFETY: the table of a loaded object.
        if buckets == 0 || !unsafe { passes_filter(self.hash, name) } {
            return None;
        }
        // four words of header, the filter, the buckets, the chains
        let bucket_table = 4 + 2 * blooms as usize;
        let mut index = word(bucket_table + (name.hash % buckets) as usize);
        if index < first {
            return None;
        }
        loop {
            let entry = word(bucket_table + (buckets + index - first) as usize);
            // the lowest bit of an entry marks the chain's end instead
            if (entry ^ name.hash) | 1 == 1
                && let Some(symbol) = self.if_right(index as usize, name, &is_right)
            {
                return Some(symbol);
            }
            if entry & 1 == 1 {
                return None;
            }
            index += 1;
        }
    }

    fn if_right(
        &self,
        index: usize,
        name: Name,
        is_right: impl Fn(u16) -> bool,
    ) -> Option<&'a Elf64_Sym> {
        // SAFETY: the hash table's entries are of symbols that exist.
        let symbol = unsafe { &*self.symbols.wrapping_add(index) };
        let has_version = self.versions.is_null() || {
            // SAFETY: not null, so there is one version for each symbol.
            is_right(unsafe { *self.versions.wrapping_add(index) })
        };
        (symbol.st_shndx != 0 && has_version && self.is_string(symbol.st_name, name.text))
            .then_some(symbol)
    }
}

/// `Elf64_Verdef`, whose names begin with the version's own.
#[repr(C)]
struct VersionDefinition {
    format: u16,
    flags: u16,
    number: u16,
    count: u16,
    hash: u32,
    names: u32,
    next: u32,
}

/// Returns whether a table may have the name: what its filter lets pass is there, most
/// often.
///
/// # Safety
///
/// `hash` is the DT_GNU_HASH of a loaded object.
pub unsafe fn passes_filter(hash: *const u32, name: Name) -> bool {
    const BITS: u32 = u64::BITS;

    let word = |index: usize| {
        // SAFETY: inside the table: its header, and the filter that follows.
        unsafe { hash.wrapping_add(index).read() }
    };
    let [blooms, shift] = [word(2), word(3)];
    if blooms == 0 {
        return false;
    }
    let bloom = 4 + 2 * ((name.hash / BITS) % blooms) as usize;
    // SAFETY: a word of the filter, aligned as the table is.
    let filter = unsafe { hash.wrapping_add(bloom).cast::<u64>().read_unaligned() };
    let second = name.hash.checked_shr(shift).unwrap_or(0);
    (filter >> (name.hash % BITS)) & (filter >> (second % BITS)) & 1 != 0
}

/// Returns whether a C string begins with these bytes, none of which is zero. Reads no more of
/// it than it takes.
///
/// # Safety
///
/// `text` is a C string.
pub unsafe fn begins_with(text: *const c_char, prefix: &[u8]) -> bool {
    prefix.iter().enumerate().all(|(index, &byte)| {
        // SAFETY: all bytes before are as in `prefix`, so none was the end.
        unsafe { *text.wrapping_add(index).cast::<u8>() == byte }
    })
}
