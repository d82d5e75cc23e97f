//! What a loaded object says of itself, read where it lies: no copies, little
//! stack.
//!
//! # Safety
//!
//! What this module owes: it follows the tables as the dynamic linker has done
//! when it loaded the object, and no further. An object with damaged tables does
//! not get far enough to be shown.

#![allow(unsafe_code, reason = "objects' tables are read")]

use core::ffi::{CStr, c_char};
use core::ptr::with_exposed_provenance;

use goblin::elf::dynamic as dt;
use goblin::elf::sym::{STT_TLS, STV_PROTECTED};
use libc::{Elf64_Rela, Elf64_Sym};
use tls_model::elf::{binds_to_itself, is_symbolic};

use crate::arch::{HashEntry, THREAD_OFFSET};
use crate::process::{AREA, Loaded, Section, Tables};

/// The dynamic section of a loaded object.
pub struct Dynamic<'a> {
    loaded: &'a Loaded<'a>,
    section: Section,
}

impl<'a> Dynamic<'a> {
    /// Finds it.
    pub fn of(loaded: &'a Loaded<'a>) -> Option<Self> {
        let section = loaded.section()?;
        Some(Self { loaded, section })
    }

    fn value(&self, wanted: u64) -> Option<u64> {
        let mut entries = self.section.entries();
        entries.find_map(|[tag, value]| (tag == wanted).then_some(value))
    }

    fn table<T>(&self, tag: u64) -> Option<*const T> {
        self.loaded.table(self.value(tag)?)
    }

    fn string(&self, offset: u64) -> Option<&'a [u8]> {
        let strings: *const c_char = self.table(dt::DT_STRTAB)?;
        // SAFETY: a C string of the object's string table.
        Some(unsafe { CStr::from_ptr(strings.wrapping_add(offset as usize)) }.to_bytes())
    }

    /// Returns DT_SONAME.
    pub fn soname(&self) -> Option<&'a [u8]> {
        self.string(self.value(dt::DT_SONAME)?)
    }

    /// Shows every DT_NEEDED.
    pub fn each_needed(&self, mut visit: impl FnMut(&[u8])) {
        for [tag, value] in self.section.entries() {
            if tag == dt::DT_NEEDED
                && let Some(name) = self.string(value)
            {
                visit(name);
            }
        }
    }

    /// Returns whether it has DT_RUNPATH.
    pub fn has_runpath(&self) -> bool {
        self.value(dt::DT_RUNPATH).is_some()
    }

    /// Returns whether it has DT_RPATH, and no DT_RUNPATH that would replace it: what it loads
    /// inherits that.
    pub fn has_rpath(&self) -> bool {
        self.value(dt::DT_RPATH).is_some() && !self.has_runpath()
    }

    /// Returns whether the system's directories are not searched for it.
    pub fn has_no_default_directories(&self) -> bool {
        self.value(dt::DT_FLAGS_1).unwrap_or(0) & dt::DF_1_NODEFLIB != 0
    }

    /// Returns the `__rseq_abi` that it defines for others.
    pub fn area(&self) -> Option<&'a Elf64_Sym> {
        let symbol = match Tables::of(self.loaded) {
            Some(tables) => tables.symbol(AREA),
            None => self.area_without_gnu_hash(),
        };
        symbol.filter(|symbol| symbol.st_info & 0xf == STT_TLS)
    }

    /// Returns the same for an object that has DT_HASH only, which few have: its second
    /// entry is how many symbols there are.
    #[cold]
    #[inline(never)]
    fn area_without_gnu_hash(&self) -> Option<&'a Elf64_Sym> {
        let hash: *const HashEntry = self.table(dt::DT_HASH)?;
        // SAFETY: the table begins with two entries.
        let count = unsafe { *hash.wrapping_add(1) };
        (1..count as usize).find_map(|index| {
            let symbol = self.symbol(index)?;
            let is_it = symbol.st_shndx != 0 && self.is_area(symbol);
            is_it.then_some(symbol)
        })
    }

    fn symbol(&self, index: usize) -> Option<&'a Elf64_Sym> {
        let symbols: *const Elf64_Sym = self.table(dt::DT_SYMTAB)?;
        // SAFETY: the callers' indices are the object's own.
        Some(unsafe { &*symbols.wrapping_add(index) })
    }

    fn is_area(&self, symbol: &Elf64_Sym) -> bool {
        self.string(u64::from(symbol.st_name)) == Some(AREA.text)
    }

    /// Returns whether it was linked so that its own definition of `area` is the one it uses.
    pub fn binds_to_itself(&self, area: &Elf64_Sym) -> bool {
        let is_symbolic = is_symbolic(
            self.value(dt::DT_SYMBOLIC).is_some(),
            self.value(dt::DT_FLAGS).unwrap_or(0),
        );
        binds_to_itself(is_symbolic, area.st_other & 3 == STV_PROTECTED)
    }

    /// Returns whether its code has been bound to another `__rseq_abi` than the one at this offset
    /// from the thread pointer.
    pub fn uses_another_area_than(&self, offset: isize) -> bool {
        let mut another = false;
        self.each_thread_offset(|symbol, addend, found| {
            let is_area = symbol.is_some_and(|symbol| self.is_area(symbol));
            another = is_area && found.wrapping_sub(addend) != offset;
            another
        });
        another
    }

    /// Shows where its thread-local storage may begin, as an offset from the thread
    /// pointer, until `visit` returns true. As far as its initial-exec variables
    /// tell: dl_iterate_phdr(3) does not know it in a thread that has never asked
    /// for it by `__tls_get_addr`.
    pub fn each_possible_block(&self, mut visit: impl FnMut(isize) -> bool) {
        self.each_thread_offset(|symbol, addend, found| {
            let into = match symbol {
                None => 0,
                Some(symbol) if symbol.st_shndx != 0 => symbol.st_value as isize,
                // of another object
                Some(_) => return false,
            };
            visit(found.wrapping_sub(addend).wrapping_sub(into))
        });
    }

    /// Shows every initial-exec slot until `visit` returns true: the symbol, if it
    /// names one, what is added to it, and the offset that has come out.
    fn each_thread_offset(&self, mut visit: impl FnMut(Option<&Elf64_Sym>, isize, isize) -> bool) {
        let Some(first) = self.table::<Elf64_Rela>(dt::DT_RELA) else {
            return;
        };
        let count = self.value(dt::DT_RELASZ).unwrap_or(0) as usize / size_of::<Elf64_Rela>();
        // those without a symbol that are nothing but a base address come first
        let relative = self.value(dt::DT_RELACOUNT).unwrap_or(0) as usize;
        for index in relative..count {
            // SAFETY: inside the table.
            let relocation = unsafe { &*first.wrapping_add(index) };
            if relocation.r_info as u32 != THREAD_OFFSET {
                continue;
            }
            let slot = self.loaded.info.dlpi_addr.wrapping_add(relocation.r_offset) as usize;
            if !self.loaded.contains(slot) || !slot.is_multiple_of(align_of::<isize>()) {
                continue;
            }
            // SAFETY: a slot of the object, which has been relocated.
            let found = unsafe { with_exposed_provenance::<isize>(slot).read() };
            let symbol = match relocation.r_info >> 32 {
                0 => None,
                index => self.symbol(index as usize),
            };
            if visit(symbol, relocation.r_addend as isize, found) {
                return;
            }
        }
    }
}
