//! The dynamic section of a loaded object, read where it lies.
//!
//! # Safety
//!
//! What this module owes: it reads entries inside the segment, while its object is
//! shown.

#![allow(unsafe_code, reason = "an object's section is read")]

use core::iter::from_fn;
use core::ptr::with_exposed_provenance;

use goblin::elf::dynamic::DT_NULL;
use libc::PT_DYNAMIC;

use super::loaded::Loaded;

/// The dynamic section of a loaded object, while that is shown.
#[derive(Clone, Copy)]
pub struct Section {
    first: *const [u64; 2],
    count: usize,
}

impl Section {
    /// Returns the section that begins here and ends with DT_NULL.
    ///
    /// # Safety
    ///
    /// It is a dynamic section, or null; its object stays loaded.
    pub unsafe fn at(first: *const [u64; 2]) -> Self {
        let count = if first.is_null() { 0 } else { usize::MAX };
        Self { first, count }
    }

    /// Returns its address.
    pub fn address(self) -> usize {
        self.first.addr()
    }

    /// Returns its entries before DT_NULL: tag and value. Not to be asked again after the end.
    pub fn entries(self) -> impl Iterator<Item = [u64; 2]> {
        let mut next = self.first;
        let mut left = self.count;
        from_fn(move || {
            left = left.checked_sub(1)?;
            // SAFETY: inside the segment, which stays loaded during the visit.
            let [tag, value] = unsafe { *next };
            next = next.wrapping_add(1);
            (tag != DT_NULL).then_some([tag, value])
        })
    }
}

/// Returns an address of a dynamic section: relocated in place by glibc, but not in objects
/// whose section is read-only.
pub fn relocated(value: u64, bias: u64) -> usize {
    let address = if value < bias { value + bias } else { value };
    address as usize
}

impl Loaded<'_> {
    /// Returns its dynamic section.
    pub fn section(&self) -> Option<Section> {
        let mut headers = self.headers().iter();
        let segment = headers.find(|header| header.p_type == PT_DYNAMIC)?;
        let start = self.info.dlpi_addr.wrapping_add(segment.p_vaddr);
        Some(Section {
            first: with_exposed_provenance(start as usize),
            count: segment.p_memsz as usize / size_of::<[u64; 2]>(),
        })
    }

    /// Returns a table that its dynamic section names, if it lies in the object.
    pub fn table<T>(&self, value: u64) -> Option<*const T> {
        let address = relocated(value, self.info.dlpi_addr);
        let is_ours = self.contains(address) && address.is_multiple_of(align_of::<T>());
        is_ours.then(|| with_exposed_provenance(address))
    }
}
