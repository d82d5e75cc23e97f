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

use core::ffi::{CStr, c_char, c_void};
use core::ptr::with_exposed_provenance;
use core::sync::atomic::{AtomicU64, Ordering};

use libc::{Elf64_Rela, Elf64_Sym, PT_DYNAMIC};

use crate::next::next_version;
use crate::process::{Loaded, Name, each_object};

/// Dynamic section tags (gABI, chapter 5; GNU extensions).
const DT_PLTRELSZ: u64 = 2;
const DT_STRTAB: u64 = 5;
const DT_SYMTAB: u64 = 6;
const DT_RELA: u64 = 7;
const DT_RELASZ: u64 = 8;
const DT_JMPREL: u64 = 23;
const DT_VERSYM: u64 = 0x6fff_fff0;
const DT_RELACOUNT: u64 = 0x6fff_fff9;
const DT_VERNEED: u64 = 0x6fff_fffe;

/// The bits of a version number that count.
const VERSION: u16 = 0x7fff;

/// A version of a name that does something else than the later ones.
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
    /// `name@version`.
    pub const fn new(name: &'static [u8], version: &'static [u8]) -> Self {
        Self {
            name: Name::new(name),
            version: Name::new(version),
            nobody_at: AtomicU64::new(0),
        }
    }

    /// The function itself; `None` if nobody behind the shim defines it.
    pub fn function(&self) -> Option<*mut c_void> {
        next_version(self.name, self.version)
    }

    /// Returns true if the caller that is returned to at this address means this
    /// version: if its object refers to it. Where its object does not refer to the
    /// name at all (it has called somebody who has jumped here), all others do.
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

/// Whether an object refers to this version of a name, rather than to another;
/// `None` if it does not refer to the name.
fn is_reference_old(object: &Loaded<'_>, name: &[u8], version: &[u8]) -> Option<bool> {
    let imports = Imports::of(object)?;
    let symbol = imports.symbol_called(name)?;
    Some(imports.version_of(symbol) == Some(version))
}

impl<'a> Imports<'a> {
    /// Finds them; `None` for an object that has no versions.
    fn of(object: &'a Loaded<'a>) -> Option<Self> {
        let mut headers = object.headers().iter();
        let segment = headers.find(|header| header.p_type == PT_DYNAMIC)?;
        let start = object.info.dlpi_addr.wrapping_add(segment.p_vaddr);
        let mut next: *const [u64; 2] = with_exposed_provenance(start as usize);
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
        for _ in 0..segment.p_memsz as usize / size_of::<[u64; 2]>() {
            // SAFETY: inside the segment, which stays loaded during the visit.
            let [tag, value] = unsafe { *next };
            match tag {
                0 => break,
                DT_PLTRELSZ => calls.1 = value,
                DT_JMPREL => calls.0 = value,
                DT_RELASZ => others.1 = value,
                DT_RELA => others.0 = value,
                DT_RELACOUNT => relative = value * size_of::<Elf64_Rela>() as u64,
                DT_STRTAB => imports.strings = value,
                DT_SYMTAB => imports.symbols = value,
                DT_VERSYM => imports.versions = value,
                DT_VERNEED => imports.needed = value,
                _ => {}
            }
            next = next.wrapping_add(1);
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

    /// The number of the symbol of this name that a relocation asks for.
    fn symbol_called(&self, name: &[u8]) -> Option<usize> {
        for (table, bytes) in self.tables {
            let mut next: *const Elf64_Rela = self.place(table)?;
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
        let symbols: *const Elf64_Sym = self.place(self.symbols)?;
        // SAFETY: a symbol that a relocation refers to.
        let symbol = unsafe { &*symbols.wrapping_add(number) };
        self.string(symbol.st_name)
    }

    /// The name of the version in which an undefined symbol is asked for.
    fn version_of(&self, number: usize) -> Option<&'a [u8]> {
        let versions: *const u16 = self.place(self.versions)?;
        // SAFETY: one version for each symbol.
        let wanted = unsafe { *versions.wrapping_add(number) } & VERSION;
        let mut library: *const Needed = self.place(self.needed)?;
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
        let strings: *const c_char = self.place(self.strings)?;
        // SAFETY: a C string of the object's string table.
        Some(unsafe { CStr::from_ptr(strings.wrapping_add(offset as usize)) }.to_bytes())
    }

    /// An address of the dynamic section: relocated in place by glibc, but not in
    /// objects whose section is read-only.
    fn place<T>(&self, value: u64) -> Option<*const T> {
        let bias = self.object.info.dlpi_addr;
        let address = if value < bias { value + bias } else { value } as usize;
        let is_ours = self.object.contains(address) && address.is_multiple_of(align_of::<T>());
        is_ours.then(|| with_exposed_provenance(address))
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
