//! Writing to what the dynamic linker has made read-only after relocation
//! (PT_GNU_RELRO): copies of variables, and slots of the global offset table.
//!
//! # Safety
//!
//! What this module owes: it writes to variables and slots of loaded objects only,
//! and leaves each page protected as it was.

#![allow(unsafe_code, reason = "what is read-only is written to")]

use core::ops::ControlFlow;
use core::ptr::{copy_nonoverlapping, with_exposed_provenance_mut};

use super::image;
use super::loaded::Loaded;
use super::objects::each_object;
use crate::{arch, kernel};

/// Writes a variable's bytes, wherever it lies; returns whether it lies where
/// they can be written to at any time. They must not cross a page, which aligned
/// variables do not.
pub fn write_protected<T>(variable: *mut T, bytes: &[u8]) -> bool {
    let address = variable.expose_provenance();
    if arch::own_zeroes().contains(&address) {
        return write(address, bytes, false);
    }
    let mut read_only = false;
    each_object(|object| {
        let here = object.contains(address);
        read_only = here && object.has_made_read_only(address);
        here
    });
    write(address, bytes, read_only) && !read_only
}

/// Changes the libc's slots that hold the first address of a pair to the second,
/// so that its references to a variable lead elsewhere. Pairs with a 0 are left
/// out. Returns whether none holds a first address any more.
pub fn rebind_libc(pairs: [(usize, usize); 2]) -> bool {
    let mut done = true;
    each_object(|loaded| {
        if !loaded.is_libc() {
            return false;
        }
        let Some(object) = image::object(loaded) else {
            done = false;
            return true;
        };
        let walked = object.relocations(|relocation| {
            let slot = loaded.info.dlpi_addr.wrapping_add(relocation.offset) as usize;
            if relocation.kind == arch::GLOB_DAT && loaded.contains(slot) {
                // SAFETY: a slot of a loaded object, aligned as linkers do.
                let held = unsafe { with_exposed_provenance_mut::<usize>(slot).read() };
                if let Some((_, to)) = pairs.iter().find(|(from, to)| *from == held && *to != 0) {
                    done &= write(slot, &to.to_ne_bytes(), loaded.has_made_read_only(slot));
                }
            }
            ControlFlow::<()>::Continue(())
        });
        done &= walked.is_ok();
        true
    });
    done
}

impl Loaded<'_> {
    fn has_made_read_only(&self, address: usize) -> bool {
        self.headers()
            .iter()
            .filter(|header| header.p_type == libc::PT_GNU_RELRO)
            .any(|header| {
                let start = self.info.dlpi_addr.wrapping_add(header.p_vaddr);
                // the last page, if it is not whole, stays writable
                let end = start.wrapping_add(header.p_memsz) & !(kernel::page() as u64 - 1);
                (start..end).contains(&(address as u64))
            })
    }
}

/// Writes to it; returns whether that could be done.
fn write(address: usize, bytes: &[u8], read_only: bool) -> bool {
    let protect = |protection| {
        // SAFETY: the page stays readable; only the constructor comes here,
        // while there is one thread.
        unsafe { kernel::protect_page(address, protection) }
    };
    if read_only && protect(libc::PROT_READ | libc::PROT_WRITE) != 0 {
        return false;
    }
    // SAFETY: a variable or slot of a loaded object, writable now.
    unsafe {
        copy_nonoverlapping(
            bytes.as_ptr(),
            with_exposed_provenance_mut(address),
            bytes.len(),
        );
    }
    if read_only {
        protect(libc::PROT_READ);
    }
    true
}
