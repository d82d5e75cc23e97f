//! A loaded object as `tls-model` reads it: file offsets, served from the
//! segments in memory.
//!
//! # Safety
//!
//! What this module owes: it reads inside segments that are mapped and readable,
//! while their object is shown.

#![allow(unsafe_code, reason = "segments are read")]

use core::ffi::c_void;
use core::ptr::{copy_nonoverlapping, with_exposed_provenance, with_exposed_provenance_mut};
use core::slice::from_raw_parts;

use goblin::elf::sym::STT_GNU_IFUNC;
use tls_model::elf::{Object, ReadError, Source, Symbol};

use super::loaded::Loaded;
use super::tables::{AREA, Name, Tables};
use crate::arch;

/// Reads the parts of a file that its loadable segments have put into memory.
pub struct Image<'a>(pub &'a Loaded<'a>);

impl Source for Image<'_> {
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<usize, ReadError> {
        for header in self.0.headers() {
            let into = offset.wrapping_sub(header.p_offset);
            if header.p_type != libc::PT_LOAD
                || header.p_flags & libc::PF_R == 0
                || into >= header.p_filesz
            {
                continue;
            }
            let rest = header.p_filesz - into;
            let length = usize::try_from(rest).unwrap_or(usize::MAX).min(buf.len());
            let address = self
                .0
                .info
                .dlpi_addr
                .wrapping_add(header.p_vaddr)
                .wrapping_add(into);
            // SAFETY: the dynamic linker has mapped `p_filesz` readable bytes
            // there, of which `length` are left, and the object stays loaded
            // for the time of the visit.
            unsafe {
                copy_nonoverlapping(
                    with_exposed_provenance::<u8>(address as usize),
                    buf.as_mut_ptr(),
                    length,
                );
            }
            return Ok(length);
        }
        // not in memory: as behind the end of a file
        Ok(0)
    }
}

/// Returns the loaded object, read through its own tables.
pub fn object<'a>(loaded: &'a Loaded<'a>) -> Option<Object<Image<'a>>> {
    Object::open_loaded(Image(loaded), loaded.info.dlpi_addr).ok()
}

impl Loaded<'_> {
    /// Returns the address of the function or variable that this object defines under a
    /// name (in its default version). `tables` are the object's, if it has any.
    pub fn address_of(&self, tables: Option<&Tables<'_>>, name: Name) -> Option<*mut c_void> {
        let (value, kind) = if let Some(tables) = tables {
            let symbol = tables.symbol(name)?;
            (symbol.st_value, symbol.st_info & 0xf)
        } else {
            let symbol = self.look_up(name)?;
            (symbol.value, symbol.kind)
        };
        address_at(self.info.dlpi_addr, value, kind)
    }

    /// Returns the address of the function or variable that this object defines in one
    /// version of a name.
    pub fn address_of_version(&self, name: Name, version: Name) -> Option<*mut c_void> {
        let tables = Tables::of(self)?;
        let symbol = tables.symbol_in_version(name, version)?;
        address_at(self.info.dlpi_addr, symbol.st_value, symbol.st_info & 0xf)
    }

    /// Returns whether a name stands near the beginning or the end of one of its segments
    /// that nobody writes to: among those that it refers to or asks for. Those need no
    /// segment of their own: GNU ld for AArch64 puts them before and behind the code.
    pub fn holds_name(&self, name: &[u8]) -> bool {
        const MOST: usize = 1 << 20;

        self.headers().iter().any(|header| {
            let is_constant = header.p_flags & (libc::PF_R | libc::PF_W) == libc::PF_R;
            if header.p_type != libc::PT_LOAD || !is_constant {
                return false;
            }
            let start = self.info.dlpi_addr.wrapping_add(header.p_vaddr) as usize;
            let length = usize::try_from(header.p_filesz).unwrap_or(0);
            // SAFETY: the dynamic linker has mapped that many readable bytes, which
            // nobody writes to, and the object stays loaded for the time of the visit.
            let bytes = unsafe { from_raw_parts(with_exposed_provenance::<u8>(start), length) };
            let first = bytes.get(..length.min(MOST));
            let last = length
                .checked_sub(MOST)
                .and_then(|start| bytes.get(start..));
            let mut ends = first.into_iter().chain(last);
            ends.any(|end| holds_name(end, name))
        })
    }

    /// Returns `st_size` of the `__rseq_abi` that it defines for others, if it does.
    pub fn area_size(&self) -> Option<u64> {
        match Tables::of(self) {
            Some(tables) => tables.symbol(AREA).map(|symbol| symbol.st_size),
            None => self.look_up(AREA).map(|symbol| symbol.size),
        }
    }

    /// Returns whether this is its DT_SONAME.
    pub fn is_called(&self, name: &[u8]) -> bool {
        if let Some(tables) = Tables::of(self) {
            return tables.soname() == Some(name);
        }
        let mut buffer = [0; 256];
        object(self).is_some_and(|object| object.soname(&mut buffer).ok().flatten() == Some(name))
    }

    /// Returns a symbol, through whatever hash table there is.
    #[cold]
    #[inline(never)]
    fn look_up(&self, name: Name) -> Option<Symbol> {
        object(self)?.dynamic_symbol(name.text).ok().flatten()
    }
}

/// Returns whether a name stands among these bytes: ended by 0, and no end of another name.
fn holds_name(bytes: &[u8], name: &[u8]) -> bool {
    let mut windows = bytes.windows(name.len() + 1).enumerate();
    windows.any(|(start, window)| {
        let is_it = window.split_last() == Some((&0, name));
        let before = start.checked_sub(1).and_then(|place| bytes.get(place));
        is_it && !before.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
    })
}

/// Returns the address of a symbol of an object that has been moved so far.
pub fn address_at(bias: u64, value: u64, kind: u8) -> Option<*mut c_void> {
    let address: *mut c_void = with_exposed_provenance_mut(bias.wrapping_add(value) as usize);
    if kind != STT_GNU_IFUNC {
        return Some(address);
    }
    // SAFETY: an indirect function's value is its resolver; objects are relocated by now.
    unsafe { arch::resolve(address) }
}
