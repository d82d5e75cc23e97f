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
    let read_only = is_read_only(address);
    write(address, bytes, read_only) && !read_only
}

/// Writes values to slots, wherever they lie. Slots on one page that follow each other cost
/// one change of its protection, and one back.
pub fn write_slots(slots: impl Iterator<Item = (*mut usize, usize)>) {
    let mut open = None;
    for (slot, value) in slots {
        let address = slot.expose_provenance();
        let page = address & !(kernel::page() - 1);
        if open != Some(page) && is_read_only(address) {
            if let Some(page) = open.take() {
                protect(page);
            }
            if !unprotect(page) {
                continue;
            }
            open = Some(page);
        }
        put(address, &value.to_ne_bytes());
    }
    if let Some(page) = open {
        protect(page);
    }
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

/// Returns whether the dynamic linker has made read-only what lies there.
fn is_read_only(address: usize) -> bool {
    if arch::own_zeroes().contains(&address) {
        return false;
    }
    let mut read_only = false;
    each_object(|object| {
        let here = object.contains(address);
        read_only = here && object.has_made_read_only(address);
        here
    });
    read_only
}

/// Writes to it; returns whether that could be done.
fn write(address: usize, bytes: &[u8], read_only: bool) -> bool {
    if read_only && !unprotect(address) {
        return false;
    }
    put(address, bytes);
    if read_only {
        protect(address);
    }
    true
}

/// Makes its page writable; returns whether that could be done.
fn unprotect(address: usize) -> bool {
    // SAFETY: the page stays readable; only the constructor comes here, while there is one
    // thread.
    unsafe { kernel::protect_page(address, libc::PROT_READ | libc::PROT_WRITE) == 0 }
}

/// Makes its page read-only again.
fn protect(address: usize) {
    // SAFETY: the page stays readable, which is all that anybody relies on.
    unsafe { kernel::protect_page(address, libc::PROT_READ) };
}

/// Writes to what is writable.
fn put(address: usize, bytes: &[u8]) {
    // SAFETY: a variable or slot of a loaded object, writable now.
    unsafe {
        copy_nonoverlapping(
            bytes.as_ptr(),
            with_exposed_provenance_mut(address),
            bytes.len(),
        );
    }
}
