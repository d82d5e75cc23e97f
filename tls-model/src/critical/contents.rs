//! Where the bytes of an object's code are.

use core::ops::ControlFlow;

use goblin::elf::program_header::{PF_X, PT_LOAD};
use goblin::elf::section_header::{SHF_EXECINSTR, SHT_NOBITS};

use crate::elf::{Error, Object, Source};

use super::{Contents, Place};

impl<S: Source> Object<S> {
    /// Returns the four bytes before an abort handler.
    pub(super) fn signature_before(&self, abort: Place) -> Option<u32> {
        let address = abort.address.checked_sub(4)?;
        let contents = self.contents(Place { address, ..abort }).ok()?;
        if contents.rest < 4 {
            return None;
        }
        let mut bytes = [0; 4];
        self.code(contents.offset, &mut bytes)
            .ok()
            .filter(|count| *count == 4)?;
        Some(self.layout().uint(&bytes) as u32)
    }

    /// Returns where the bytes of a place are.
    ///
    /// # Errors
    ///
    /// The file has none for it.
    pub fn contents(&self, place: Place) -> Result<Contents, Error> {
        if self.is_relocatable() {
            let section = self.section(u64::from(place.section))?;
            let rest = section
                .size
                .checked_sub(place.address)
                .filter(|&rest| rest != 0 && section.kind != SHT_NOBITS)
                .ok_or(Error::Damaged)?;
            return Ok(Contents {
                offset: section
                    .offset
                    .checked_add(place.address)
                    .ok_or(Error::Damaged)?,
                rest,
                executable: section.flags & u64::from(SHF_EXECINSTR) != 0,
            });
        }
        self.segments(|segment| {
            let inside = place.address.wrapping_sub(segment.vaddr);
            if segment.kind != PT_LOAD || inside >= segment.filesz {
                return ControlFlow::Continue(());
            }
            ControlFlow::Break(segment.offset.checked_add(inside).map(|offset| Contents {
                offset,
                // inside < filesz was checked above
                rest: segment.filesz.saturating_sub(inside),
                executable: segment.flags & PF_X != 0,
            }))
        })?
        .flatten()
        .ok_or(Error::Damaged)
    }

    /// Reads bytes at a file offset and says how many there were.
    ///
    /// # Errors
    ///
    /// The source cannot be read.
    pub fn code(&self, offset: u64, buf: &mut [u8]) -> Result<usize, Error> {
        self.read_some(offset, buf)
    }
}
