//! Which version of a name a caller was linked with.
//!
//! A function of the shim's serves callers of every version of its name. Where
//! versions differ in what they do, the caller's own references say which one it
//! means (DT_VERNEED, DT_VERSYM).
//!
//! # Safety
//!
//! What this module owes: it follows the tables of loaded objects as the dynamic
//! linker does when it relocates them, and no further.

#![allow(unsafe_code, reason = "objects' tables are read")]

use core::ffi::{CStr, c_char};
use core::sync::atomic::{AtomicU64, Ordering};

use goblin::elf::dynamic as dt;
use libc::{Elf64_Rela, Elf64_Sym};

use crate::process::{Loaded, Name, each_object};

/// The bits of a version number that count.
const VERSION: u16 = 0x7fff;

/// A version of a name that does something other than the later ones.
pub struct OldVersion {
    name: Name,
    version: Name,
    /// `dlpi_adds` when last nobody referred to it; 0 before that.
    nobody_at: AtomicU64,
}

/// What the objects of the process refer to.
#[derive(Default)]
struct References {
    caller: Option<bool>,
    any_old: bool,
    any_new: bool,
}

impl OldVersion {
    /// Makes `name@version`.
    pub const fn new(name: &'static [u8], version: &'static [u8]) -> Self {
        Self {
            name: Name::new(name),
            version: Name::new(version),
            nobody_at: AtomicU64::new(0),
        }
    }

    /// Returns the version.
    pub const fn version(&self) -> Name {
        self.version
    }

    /// Returns true if the caller that is returned to at this address means this
    /// version: if its object refers to it. Where its object does not refer to the
    /// name at all (it has called code that has jumped here), all others do.
    pub fn is_meant_by(&self, return_address: usize) -> bool {
        let mut found = References::default();
        let mut additions = 0;
        each_object(|object| {
            additions = object.info.dlpi_adds;
            if additions == self.nobody_at.load(Ordering::Relaxed) {
                return true;
            }
            let Some(is_old) = is_reference_old(object, self.name.text, self.version.text) else {
                return false;
            };
            found.any_old |= is_old;
            found.any_new |= !is_old;
            if object.contains(return_address) {
                found.caller = Some(is_old);
            }
            false
        });
        if !found.any_old {
            self.nobody_at.store(additions, Ordering::Relaxed);
        }
        found.caller.unwrap_or(found.any_old && !found.any_new)
    }
}

/// The tables of one object that say what it refers to.
struct Imports<'a> {
    object: &'a Loaded<'a>,
    strings: u64,
    symbols: u64,
    versions: u64,
    needed: u64,
    /// Relocations by name: start and bytes, of calls and of everything.
    tables: [(u64, u64); 2],
}

/// Returns whether an object refers to this version of a name, rather than to another;
/// `None` if it does not refer to the name.
fn is_reference_old(object: &Loaded<'_>, name: &[u8], version: &[u8]) -> Option<bool> {
    let imports = Imports::of(object)?;
    let symbol = imports.symbol_called(name)?;
    Some(imports.version_of(symbol) == Some(version))
}

impl<'a> Imports<'a> {
    /// Finds them; `None` for an object that has no versions.
    fn of(object: &'a Loaded<'a>) -> Option<Self> {
        let mut imports = Self {
            object,
            strings: 0,
            symbols: 0,
            versions: 0,
            needed: 0,
            tables: [(0, 0); 2],
        };
        let [calls, others] = &mut imports.tables;
        let mut relative = 0;
        for [tag, value] in object.section()?.entries() {
            match tag {
                dt::DT_PLTRELSZ => calls.1 = value,
                dt::DT_JMPREL => calls.0 = value,
                dt::DT_RELASZ => others.1 = value,
                dt::DT_RELA => others.0 = value,
                dt::DT_RELACOUNT => relative = value * size_of::<Elf64_Rela>() as u64,
                dt::DT_STRTAB => imports.strings = value,
                dt::DT_SYMTAB => imports.symbols = value,
                dt::DT_VERSYM => imports.versions = value,
                dt::DT_VERNEED => imports.needed = value,
                _ => {}
            }
        }
        // those without a symbol come first
        others.0 = others.0.wrapping_add(relative);
        others.1 = others.1.saturating_sub(relative);
        let all = [
            imports.strings,
            imports.symbols,
            imports.versions,
            imports.needed,
        ];
        all.iter().all(|&table| table != 0).then_some(imports)
    }

    /// Returns the number of the symbol of this name that a relocation asks for.
    fn symbol_called(&self, name: &[u8]) -> Option<usize> {
        for (table, bytes) in self.tables {
            let mut next: *const Elf64_Rela = self.object.table(table)?;
            for _ in 0..bytes as usize / size_of::<Elf64_Rela>() {
                // SAFETY: inside the table that the object has been relocated by.
                let relocation = unsafe { &*next };
                let number = (relocation.r_info >> 32) as usize;
                if number != 0 && self.name_of(number) == Some(name) {
                    return Some(number);
                }
                next = next.wrapping_add(1);
            }
        }
        None
    }

    fn name_of(&self, number: usize) -> Option<&'a [u8]> {
        let symbols: *const Elf64_Sym = self.object.table(self.symbols)?;
        // SAFETY: a symbol that a relocation refers to.
        let symbol = unsafe { &*symbols.wrapping_add(number) };
        self.string(symbol.st_name)
    }

    /// Returns the name of the version in which an undefined symbol is asked for.
    fn version_of(&self, number: usize) -> Option<&'a [u8]> {
        let versions: *const u16 = self.object.table(self.versions)?;
        // SAFETY: one version for each symbol.
        let wanted = unsafe { *versions.wrapping_add(number) } & VERSION;
        let mut library: *const Needed = self.object.table(self.needed)?;
        loop {
            // SAFETY: a list whose last entry has no next one.
            let needed = unsafe { &*library };
            let mut entry: *const NeededVersion =
                library.wrapping_byte_add(needed.versions as usize).cast();
            for _ in 0..needed.count {
                // SAFETY: one of as many as the library's entry says.
                let version = unsafe { &*entry };
                if version.number & VERSION == wanted {
                    return self.string(version.name);
                }
                entry = entry.wrapping_byte_add(version.next as usize);
            }
            if needed.next == 0 {
                return None;
            }
            library = library.wrapping_byte_add(needed.next as usize);
        }
    }

    fn string(&self, offset: u32) -> Option<&'a [u8]> {
        let strings: *const c_char = self.object.table(self.strings)?;
        // SAFETY: a C string of the object's string table.
        Some(unsafe { CStr::from_ptr(strings.wrapping_add(offset as usize)) }.to_bytes())
    }
}

/// `Elf64_Verneed`: a library, and the versions that are needed of it.
#[repr(C)]
struct Needed {
    format: u16,
    count: u16,
    file: u32,
    versions: u32,
    next: u32,
}

/// `Elf64_Vernaux`: a version, and the number that symbols say it by.
#[repr(C)]
struct NeededVersion {
    hash: u32,
    flags: u16,
    number: u16,
    name: u32,
    next: u32,
}
