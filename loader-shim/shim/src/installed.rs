//! The shim as `rseqctl enable` installs it for every program of a host: a copy in one
//! file, with thread-local storage of its own
//! ([`tls_model::protocol::installed`] says why and how).
//!
//! In such a copy `__rseq_abi` and the words of each thread are looked for as always,
//! so that what the program brings comes first. Where nobody brings them, the dynamic
//! linker has put a 0 for their offset, and the copy's own storage takes the place.
//!
//! # Safety
//!
//! What this module owes: only the slots of the shim's own two references are written
//! to, before anybody has used them.

#![allow(unsafe_code, reason = "the shim's own slots are written to")]

use core::ptr::with_exposed_provenance_mut;

use tls_model::protocol::installed::{AREA_BYTES, Block, permission};
use tls_model::protocol::restart::Handed;

use crate::process::Process;
use crate::{arch, kernel, process};

/// What `rseqctl enable` writes into a copy.
#[used]
static BLOCK: Block = Block::EMPTY;

/// Puts the copy's own storage in the place of what nobody brings.
pub fn use_own_storage() {
    let told = &raw const BLOCK.slots;
    // SAFETY: our own constant, which another file than the compiler's may hold.
    let slots = unsafe { told.read_volatile() };
    if slots[0] == 0 {
        return;
    }
    let [area, room] = slots.map(|slot| {
        let address = arch::own_base().wrapping_add(slot as usize);
        with_exposed_provenance_mut::<usize>(address)
    });
    // SAFETY: slots of our own, which the dynamic linker has filled.
    let is_there = |slot: *mut usize| unsafe { slot.read_volatile() } != 0;
    if is_there(area) && is_there(room) {
        return;
    }
    let mut own = None;
    process::each_object(|object| {
        let is_ours = object.is_the_shim();
        if is_ours && object.tls().is_some() {
            let block = object.info.dlpi_tls_data.addr();
            own = Some(block).filter(|&block| block != 0);
        }
        is_ours
    });
    let Some(own) = own.map(|block| block.wrapping_sub(arch::thread_pointer())) else {
        return;
    };
    let offsets = [own, own.wrapping_add(AREA_BYTES)];
    let missing = [area, room].into_iter().zip(offsets);
    process::write_slots(missing.filter(|(slot, _)| !is_there(*slot)));
}

/// Returns what may be done in every program of this host, where the shim is a copy for
/// all of them; nothing in one that runs with privileges.
pub fn handed(process: &Process) -> Option<Handed> {
    let told = &raw const BLOCK.kernel;
    // SAFETY: the first byte of our own constant, which another file than the compiler's
    // may hold.
    let first = unsafe { told.cast::<u8>().read_volatile() };
    // every program starts with this: the rest is read where there is something to read
    if first == 0 || process.is_secure() {
        return None;
    }
    // SAFETY: likewise, all of it.
    let told = unsafe { told.read_volatile() };
    let names = kernel::names()?;
    permission(&told, names.release(), names.version()).map(Handed::new)
}
