//! Walking the descriptors of an object.

use core::ops::ControlFlow;

use goblin::elf::header::ET_REL;
use goblin::elf::section_header::{SHF_ALLOC, SHT_NOBITS};

use crate::elf::{Error, MOST_WINDOWS, Names, Object, Section, Source, Strings, Window};
use crate::facts::SectionName;

use super::{CriticalSection, Place};

/// Descriptors that are read per object; 177 is the most that is known of a
/// real one. It bounds the passes over the relocations.
pub const MOST_DESCRIPTORS: u32 = 4096;

/// Bytes of `struct rseq_cs`.
pub(super) const SIZE: u64 = size_of::<crate::rseq::RseqCs>() as u64;

/// Sections of descriptors or pointers that a relocatable object may have
/// before the rest is left alone.
const MOST_SECTIONS: u32 = 4096;

/// How far a walk came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Visited {
    /// Descriptors that were passed over: beyond [`MOST_DESCRIPTORS`], or with
    /// addresses that only the link editor or another object can tell.
    pub unread: u32,
    /// Pointers of `__rseq_cs_ptr_array` that lead to no descriptor.
    pub astray: u32,
    /// The first of them.
    pub first_astray: Option<Place>,
    pub(super) read: u32,
}

impl<S: Source> Object<S> {
    /// Calls `visit` with every critical section: those whose descriptors
    /// stand in `__rseq_cs`, and those elsewhere that `__rseq_cs_ptr_array`
    /// points to. Addresses are as after relocation (`RELA`, `REL` and
    /// `RELR`). An object without section headers shows none.
    ///
    /// # Errors
    ///
    /// The sections before the damage have been visited.
    pub fn critical_sections(
        &self,
        mut visit: impl FnMut(&CriticalSection),
    ) -> Result<Visited, Error> {
        let mut visited = Visited::default();
        self.descriptors(&mut visited, &mut visit)?;
        // In relocatable objects a pointer is a relocation against the
        // descriptor's own section, which has been walked.
        if !self.is_relocatable() {
            self.pointed_sections(&mut visited, &mut visit)?;
        }
        Ok(visited)
    }

    pub(super) fn is_relocatable(&self) -> bool {
        self.header().kind == ET_REL
    }

    /// Calls `visit` with every section of the name.
    pub(super) fn named_sections(
        &self,
        name: SectionName,
        mut visit: impl FnMut(u64, &Section) -> Result<(), Error>,
    ) -> Result<(), Error> {
        if !self.has_sections() {
            return Ok(());
        }
        let names = self.section_names()?;
        let strings = Strings {
            offset: names.offset,
            size: names.size,
        };
        let list = [name.name().as_bytes()];
        let names = self.find_names(strings, &Names::exactly(&list))?;
        let mut found = 0_u32;
        let failed = self.sections(|index, section| {
            let loaded = section.flags & u64::from(SHF_ALLOC) != 0 && section.kind != SHT_NOBITS;
            if !loaded || names.name_at(section.name).is_none() || found == MOST_SECTIONS {
                return ControlFlow::Continue(());
            }
            found = found.saturating_add(1);
            match visit(index, &section) {
                Ok(()) => ControlFlow::Continue(()),
                Err(error) => ControlFlow::Break(error),
            }
        })?;
        failed.map_or(Ok(()), Err)
    }

    fn descriptors(
        &self,
        visited: &mut Visited,
        visit: &mut impl FnMut(&CriticalSection),
    ) -> Result<(), Error> {
        self.named_sections(SectionName::Descriptors, |index, section| {
            let start = if self.is_relocatable() {
                0
            } else {
                section.address
            };
            let mut done = 0;
            let all = section.size / SIZE;
            while done < all {
                let mut windows = [Window::EMPTY; MOST_WINDOWS];
                let left = u64::from(MOST_DESCRIPTORS.saturating_sub(visited.read));
                let count = all.saturating_sub(done).min(left).min(MOST_WINDOWS as u64);
                if count == 0 {
                    let rest = all.saturating_sub(done);
                    let rest = u32::try_from(rest).unwrap_or(u32::MAX);
                    visited.unread = visited.unread.saturating_add(rest);
                    break;
                }
                let windows = windows.get_mut(..count as usize).unwrap_or_default();
                for (number, window) in (done..).zip(windows.iter_mut()) {
                    window.at = number.wrapping_mul(SIZE).wrapping_add(start);
                }
                if self.is_relocatable() {
                    self.fill_from_section(index, section, windows)?;
                } else {
                    self.fill(windows)?;
                }
                self.report(index, windows, false, visited, visit);
                done = done.saturating_add(count);
            }
            Ok(())
        })
    }

    /// Visits what the windows hold.
    pub(super) fn report(
        &self,
        index: u64,
        windows: &[Window],
        through_pointer: bool,
        visited: &mut Visited,
        visit: &mut impl FnMut(&CriticalSection),
    ) {
        let layout = self.layout();
        let relocatable = self.is_relocatable();
        for window in windows {
            visited.read = visited.read.saturating_add(1);
            if window.unresolved {
                visited.unread = visited.unread.saturating_add(1);
                continue;
            }
            let place = |inside: usize| Place {
                section: window
                    .sections
                    .get(inside / 8)
                    .copied()
                    .filter(|_| relocatable)
                    .unwrap_or(0),
                address: window.uint(layout, inside, 8),
            };
            let abort = place(24);
            visit(&CriticalSection {
                descriptor: Place {
                    section: if relocatable { index as u16 } else { 0 },
                    address: window.at,
                },
                version: window.uint(layout, 0, 4) as u32,
                flags: window.uint(layout, 4, 4) as u32,
                start: place(8),
                length: window.uint(layout, 16, 8),
                abort,
                signature: self.signature_before(abort),
                through_pointer,
            });
        }
    }
}
