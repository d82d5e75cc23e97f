//! Program headers, and from addresses to file offsets.

use core::ops::ControlFlow;

use goblin::elf::program_header::{self, program_header32, program_header64};

use super::layout::{Field, field};
use super::segment::{Landmarks, Segment};
use super::table::{SMALL_CHUNK, Table};
use super::{Error, Object, Source};

macro_rules! segment_field {
    ($name:ident) => {
        const {
            field!(
                program_header32::ProgramHeader,
                program_header64::ProgramHeader,
                $name
            )
        }
    };
}

/// `e_phnum` when the real number does not fit: it is in the first section
/// header's `sh_info` (gABI; goblin has no name for it).
const PN_XNUM: u64 = 0xffff;

impl<S: Source> Object<S> {
    /// Calls `visit` with every program header until it breaks.
    ///
    /// # Errors
    ///
    /// The headers before the damage have been visited.
    pub fn segments<B>(
        &self,
        mut visit: impl FnMut(Segment) -> ControlFlow<B>,
    ) -> Result<Option<B>, Error> {
        let layout = self.layout;
        self.records::<SMALL_CHUNK, _>(self.segment_table()?, |_, record| {
            let get = |field: Field| layout.get(field, record);
            visit(Segment {
                kind: get(segment_field!(p_type)) as u32,
                flags: get(segment_field!(p_flags)) as u32,
                offset: get(segment_field!(p_offset)),
                vaddr: get(segment_field!(p_vaddr)),
                filesz: get(segment_field!(p_filesz)),
                memsz: get(segment_field!(p_memsz)),
                align: get(segment_field!(p_align)),
            })
        })
    }

    fn segment_table(&self) -> Result<Table, Error> {
        let header = &self.header;
        let count = if header.phnum == PN_XNUM && header.shoff != 0 && self.bias.is_none() {
            self.section(0)?.info
        } else {
            header.phnum
        };
        let least = self
            .layout
            .pick(program_header32::SIZEOF_PHDR, program_header64::SIZEOF_PHDR);
        Table::new(header.phoff, count, header.phentsize, least as u64)
    }

    pub(super) fn landmarks(&self) -> Result<Landmarks, Error> {
        let mut found = Landmarks::default();
        let mut visit = |segment: Segment| {
            match segment.kind {
                program_header::PT_TLS => found.tls = found.tls.or(Some(segment)),
                program_header::PT_DYNAMIC => found.dynamic = found.dynamic.or(Some(segment)),
                program_header::PT_INTERP => found.interp = found.interp.or(Some(segment)),
                program_header::PT_NOTE => found.notes = true,
                _ => {}
            }
            ControlFlow::<()>::Continue(())
        };
        self.segments(&mut visit)?;
        Ok(found)
    }

    /// Returns the file offset of the byte at link-time address `vaddr`, and how many
    /// bytes of the file follow it in the same segment.
    ///
    /// # Errors
    ///
    /// [`Error::Damaged`] where no `PT_LOAD` has file contents for the address.
    pub fn offset_of(&self, vaddr: u64) -> Result<(u64, u64), Error> {
        self.segments(|segment| {
            let inside = vaddr
                .checked_sub(segment.vaddr)
                .filter(|&inside| inside < segment.filesz);
            match inside {
                Some(inside) if segment.kind == program_header::PT_LOAD => {
                    ControlFlow::Break(segment.offset.checked_add(inside).map(|offset| {
                        // inside < filesz was checked above
                        (offset, segment.filesz.saturating_sub(inside))
                    }))
                }
                _ => ControlFlow::Continue(()),
            }
        })?
        .flatten()
        .ok_or(Error::Damaged)
    }

    /// Returns the word (as wide as an address) at link-time address `vaddr`, as it is
    /// in the file.
    pub(crate) fn word_at(&self, vaddr: u64) -> Result<u64, Error> {
        self.read_word(self.offset_of(vaddr)?.0)
    }
}
