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
    /// Returns the bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}

impl<S: Source> Object<S> {
    /// Returns the GNU build id: from the note segments, in a relocatable object from
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
        self.expect(offset, size);
        // parts are padded to places in the table, not each by itself
        let padded = |start: u64, size: u64| {
            start
                .checked_sub(offset)
                .and_then(|inside| inside.checked_add(size))
                .and_then(|inside| inside.checked_next_multiple_of(align))
                .and_then(|inside| inside.checked_add(offset))
                .ok_or(Error::Damaged)
        };
        let mut at = offset;
        for _ in 0..MOST_NOTES {
            let name_at = at.checked_add(12).ok_or(Error::Damaged)?;
            if name_at > end {
                break;
            }
            let name_size = self.read_uint::<4>(at)?;
            let desc_size = self.read_uint::<4>(at.saturating_add(4))?;
            let kind = self.read_uint::<4>(at.saturating_add(8))?;
            let desc_at = padded(name_at, name_size)?;
            if kind == u64::from(NT_GNU_BUILD_ID) && name_size == 4 {
                let mut owner = [0; 4];
                self.read_exact(name_at, &mut owner)?;
                if &owner == b"GNU\0" {
                    let mut id = BuildId {
                        bytes: [0; 32],
                        len: desc_size.min(32) as usize,
                    };
                    let bytes = id.bytes.get_mut(..id.len).ok_or(Error::Damaged)?;
                    self.read_exact(desc_at, bytes)?;
                    return Ok(Some(id));
                }
            }
            at = padded(desc_at, desc_size)?;
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: usize = 64;

    /// One note as words and bytes, each part padded by hand.
    const FIRST: &[u8] = b"\x05\0\0\0\x03\0\0\0\x03\0\0\0Some\0...abc.";
    const PROPERTY: &[u8] = b"\x04\0\0\0\x0c\0\0\0\x05\0\0\0GNU\0property________";
    const BUILD_ID: &[u8] = b"\x04\0\0\0\x05\0\0\0\x03\0\0\0GNU\0ident...";

    fn find(notes: &[&[u8]], align: u64) -> Result<Option<BuildId>, Error> {
        let mut bytes = [0; 256];
        bytes[..7].copy_from_slice(b"\x7fELF\x02\x01\x01");
        let mut end = HEADER;
        for note in notes {
            bytes[end..][..note.len()].copy_from_slice(note);
            end += note.len();
        }
        let object = Object::open(&bytes[..end]).expect("a header");
        object.build_id_in(HEADER as u64, (end - HEADER) as u64, align)
    }

    #[test]
    fn the_build_id_is_found_among_other_notes() {
        for notes in [&[BUILD_ID][..], &[FIRST, BUILD_ID], &[BUILD_ID, FIRST]] {
            let found = find(notes, 4).expect("sound notes").expect("a build id");
            assert_eq!(found.as_bytes(), b"ident");
        }
        // notes of 8 are padded to 8
        let found = find(&[PROPERTY, BUILD_ID], 8).expect("sound notes");
        assert_eq!(found.expect("a build id").as_bytes(), b"ident");
        assert_eq!(find(&[FIRST, FIRST], 4), Ok(None));
        assert_eq!(find(&[], 4), Ok(None));
    }

    #[test]
    fn a_note_that_lies_about_its_size_ends_the_search() {
        let mut cut = [0; 24];
        cut.copy_from_slice(&BUILD_ID[..24]);
        cut[4] = 0xff;
        assert_eq!(find(&[&cut], 4), Err(Error::Truncated));
        cut[0..4].fill(0xff);
        assert_eq!(find(&[&cut], 4), Ok(None));
    }
}
