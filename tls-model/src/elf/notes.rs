//! The build id.

use core::ops::ControlFlow;

use goblin::elf::note::NT_GNU_BUILD_ID;
use goblin::elf::program_header::PT_NOTE;
use goblin::elf::section_header::SHT_NOTE;

use super::{Error, Object, Source};

/// Notes of one segment that are looked at.
const MOST_NOTES: usize = 256;

/// A build id: up to 32 bytes (linkers use 8, 16 or 20; longer ones are cut).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BuildId {
    bytes: [u8; 32],
    len: usize,
}

impl BuildId {
    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}

impl<S: Source> Object<S> {
    /// The GNU build id: from the note segments, in a relocatable object from
    /// the note sections.
    ///
    /// # Errors
    ///
    /// The notes cannot be read.
    pub fn build_id(&self) -> Result<Option<BuildId>, Error> {
        let answer = |found: Result<Option<BuildId>, Error>| match found.transpose() {
            Some(found) => ControlFlow::Break(found),
            None => ControlFlow::Continue(()),
        };
        if self.marks()?.notes {
            self.segments(|segment| {
                if segment.kind != PT_NOTE {
                    return ControlFlow::Continue(());
                }
                answer(self.build_id_in(segment.offset, segment.filesz, segment.align))
            })?
            .transpose()
        } else if self.header().phnum == 0 {
            self.sections(|_, section| {
                if section.kind != SHT_NOTE {
                    return ControlFlow::Continue(());
                }
                answer(self.build_id_in(section.offset, section.size, 4))
            })?
            .transpose()
        } else {
            Ok(None)
        }
    }

    fn build_id_in(&self, offset: u64, size: u64, align: u64) -> Result<Option<BuildId>, Error> {
        // 8 in GNU property notes, 4 everywhere else whatever the header says
        let align = if align == 8 { 8 } else { 4 };
        let end = offset.checked_add(size).ok_or(Error::Damaged)?;
        let mut at = offset;
        for _ in 0..MOST_NOTES {
            let name = at.checked_add(12).ok_or(Error::Damaged)?;
            if name > end {
                break;
            }
            let name_size = self.read_uint::<4>(at)?;
            let desc_size = self.read_uint::<4>(at.saturating_add(4))?;
            let kind = self.read_uint::<4>(at.saturating_add(8))?;
            let padded = |size: u64| size.checked_next_multiple_of(align).ok_or(Error::Damaged);
            let desc = name.checked_add(padded(name_size)?).ok_or(Error::Damaged)?;
            if kind == u64::from(NT_GNU_BUILD_ID) && name_size == 4 {
                let mut owner = [0; 4];
                self.read_exact(name, &mut owner)?;
                if &owner == b"GNU\0" {
                    let mut id = BuildId {
                        bytes: [0; 32],
                        len: desc_size.min(32) as usize,
                    };
                    let bytes = id.bytes.get_mut(..id.len).ok_or(Error::Damaged)?;
                    self.read_exact(desc, bytes)?;
                    return Ok(Some(id));
                }
            }
            at = desc.checked_add(padded(desc_size)?).ok_or(Error::Damaged)?;
        }
        Ok(None)
    }
}
