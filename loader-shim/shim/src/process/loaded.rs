//! One loaded object.
//!
//! # Safety
//!
//! What this module owes: it reads what the dynamic linker says of an object, while
//! that is shown.

#![allow(unsafe_code, reason = "the dynamic linker's memory is read")]

use core::ffi::CStr;
use core::slice;

use libc::dl_phdr_info;

use crate::arch;

/// A loaded object, while `each_object` shows it.
pub struct Loaded<'a> {
    /// What dl_iterate_phdr(3) says about it.
    pub info: &'a dl_phdr_info,
}

impl Loaded<'_> {
    /// Returns its program headers.
    pub fn headers(&self) -> &[libc::Elf64_Phdr] {
        // SAFETY: the dynamic linker's own table, for the time of the visit.
        unsafe { slice::from_raw_parts(self.info.dlpi_phdr, usize::from(self.info.dlpi_phnum)) }
    }

    /// Returns its TLS segment.
    pub fn tls(&self) -> Option<&libc::Elf64_Phdr> {
        self.headers()
            .iter()
            .find(|header| header.p_type == libc::PT_TLS)
    }

    /// Returns its file, by the name the dynamic linker opened it with; the executable
    /// has none.
    pub fn path(&self) -> &CStr {
        if self.info.dlpi_name.is_null() {
            return c"";
        }
        // SAFETY: a C string that lives as long as the object.
        unsafe { CStr::from_ptr(self.info.dlpi_name) }
    }

    /// Returns whether it is the shim.
    pub fn is_the_shim(&self) -> bool {
        self.info.dlpi_addr as usize == arch::own_base()
    }

    /// Returns whether `address` lies in one of its segments.
    pub fn contains(&self, address: usize) -> bool {
        self.headers()
            .iter()
            .filter(|header| header.p_type == libc::PT_LOAD)
            .any(|header| {
                let start = (self.info.dlpi_addr).wrapping_add(header.p_vaddr);
                (address as u64).wrapping_sub(start) < header.p_memsz
            })
    }
}
