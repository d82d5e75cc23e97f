//! Searching code for accesses to the area.
//!
//! The whole code of a program may have a hundred megabytes. Four bytes of it
//! that hold the area's offset, or lead to its slot, are found without
//! decoding; only from there on instructions are decoded.

use std::ops::ControlFlow;

use iced_x86::{FlowControl, Instruction};
use tls_model::critical::{Critical, Place, Violation};
use tls_model::elf::{Error, Object, Source};
use tls_model::facts::{Evidence, Facts, Kind, TlsModel};

use crate::a64;
use crate::area::{AARCH64, Area, X86_64, is_farewell, is_read_only};
use crate::section::{Effect, Store};
use crate::x86::{Follower, decoder};

/// Bytes that are searched at a time.
const CHUNK: usize = 1 << 16;

/// Bytes that a chunk shows behind its own: what is found is followed so far.
const BEHIND: usize = 256;

/// Bytes before the area at which a store may start that reaches into it.
const BEFORE_AREA: i64 = 16;

/// Instructions that are followed from a place.
const FOLLOWED: usize = 48;

/// Bytes before the four that are looked for: prefixes, opcode and address.
const BEFORE: usize = 9;

/// Searches the code of a linked object and notes what stores to fields of the
/// kernel's.
pub(crate) fn run<S: Source>(
    object: &Object<S>,
    facts: &Facts,
    area: &Area,
    critical: &mut Critical,
) -> Result<(), Error> {
    let is_64 = facts.layout.class.bits() == 64;
    if !area.is_known() || !is_64 || facts.kind == Kind::Relocatable {
        return Ok(());
    }
    if facts.tls_model == Some(TlsModel::GeneralDynamic) && area.slot.is_none() {
        return Ok(());
    }
    let mut hits = Hits { critical };
    let mut buf = vec![0; BEFORE + CHUNK + BEHIND];
    let failed = object.segments(|segment| {
        if segment.kind != PT_LOAD || segment.flags & PF_X == 0 {
            return ControlFlow::Continue(());
        }
        let mut done = 0;
        while done < segment.filesz {
            let before = done.min(BEFORE as u64);
            let wanted = (segment.filesz - done).min((CHUNK + BEHIND) as u64) + before;
            let Some(bytes) = buf.get_mut(..wanted as usize) else {
                return ControlFlow::Break(Error::Damaged);
            };
            let count = match object.code(segment.offset.wrapping_add(done - before), bytes) {
                Ok(count) => count,
                Err(error) => return ControlFlow::Break(error),
            };
            let chunk = Chunk {
                bytes: &bytes[..count],
                address: segment.vaddr.wrapping_add(done - before),
                from: before as usize,
                to: count.min(before as usize + CHUNK),
            };
            match facts.machine {
                X86_64 => chunk.search_x86(area, &mut hits),
                AARCH64 => a64::search(chunk.bytes, chunk.address, area, |at, store| {
                    hits.note(at, Some((store, true)));
                }),
                _ => {}
            }
            if count < wanted as usize {
                return ControlFlow::Break(Error::Truncated);
            }
            done += CHUNK as u64;
        }
        ControlFlow::Continue(())
    })?;
    failed.map_or(Ok(()), Err)
}

const PT_LOAD: u32 = 1;
const PF_X: u32 = 1;

/// What was found.
struct Hits<'a> {
    critical: &'a mut Critical,
}

impl Hits<'_> {
    /// Notes an access, and the store if it is one to the area.
    fn note(&mut self, address: u64, store: Option<(Store, bool)>) {
        self.critical.accesses = self.critical.accesses.saturating_add(1);
        let Some((
            Store {
                area: Some((offset, _)),
                size,
                value,
                ..
            },
            true,
        )) = store
        else {
            return;
        };
        if is_read_only(offset, size) && !is_farewell(offset, size, value) {
            let place = Place {
                section: 0,
                address,
            };
            self.critical
                .note(Violation::StrayStore, place, Evidence::Likely);
        }
    }
}

/// Positions that are looked at together, and the bytes behind them that are
/// part of the same look.
const BLOCK: usize = 64;
const BLOCK_BEHIND: usize = 8;

/// Values of four bytes that lead to the area.
struct Wanted {
    /// The offset of the first byte that counts, and how many do.
    first: u32,
    count: u32,
    /// Where the slot is, seen from a displacement at position 0.
    slot: u32,
    has_slot: bool,
}

impl Wanted {
    fn new(area: &Area, address: u64) -> Self {
        Self {
            first: area.offset.unwrap_or(0).wrapping_sub(BEFORE_AREA) as u32,
            count: if area.offset.is_some() {
                (BEFORE_AREA + 32) as u32
            } else {
                0
            },
            // four bytes at position p hold slot - (address + p + 4)
            slot: (area.slot.unwrap_or(0) as u32).wrapping_sub((address as u32).wrapping_add(4)),
            has_slot: area.slot.is_some(),
        }
    }

    fn is(&self, word: u32, position: usize) -> bool {
        word.wrapping_sub(self.first) < self.count
            || self.has_slot && word.wrapping_add(position as u32) == self.slot
    }

    /// Whether one of the block's positions may lead to the area. Without
    /// early exits, so that the compiler compares whole vectors.
    fn may_be_in(&self, block: &[u8; BLOCK + BLOCK_BEHIND], start: usize) -> bool {
        let slot = self.slot.wrapping_sub(start as u32);
        let mut found = 0_u32;
        for position in 0..BLOCK as u32 {
            let at = position as usize;
            let word = u32::from_le_bytes([block[at], block[at + 1], block[at + 2], block[at + 3]]);
            found |= u32::from(word.wrapping_sub(self.first) < self.count);
            found |= u32::from(word.wrapping_add(position) == slot);
        }
        // mov %fs:0, register: 64, REX, 8b, ModRM, 25, and four zeros
        let mut thread = 0_u8;
        for at in 0..BLOCK {
            thread |= u8::from(block[at] == 0x25)
                & u8::from(block[at + 1] == 0)
                & u8::from(block[at + 4] == 0);
        }
        found != 0 || thread != 0
    }
}

/// A piece of code.
struct Chunk<'a> {
    bytes: &'a [u8],
    address: u64,
    /// The positions that are this chunk's own.
    from: usize,
    to: usize,
}

impl Chunk<'_> {
    fn search_x86(&self, area: &Area, hits: &mut Hits) {
        let wanted = Wanted::new(area, self.address);
        let end = self.to.min(self.bytes.len().saturating_sub(3));
        let mut start = self.from;
        while start < end {
            let stop = end.min(start + BLOCK);
            let passed = self
                .bytes
                .get(start..start + BLOCK + BLOCK_BEHIND)
                .and_then(|bytes| bytes.try_into().ok())
                .is_some_and(|block| !wanted.may_be_in(block, start));
            if !passed {
                for position in start..stop {
                    if self
                        .word_at(position)
                        .is_some_and(|word| wanted.is(word, position))
                        || self.loads_thread_pointer(position)
                    {
                        self.follow(position, area, hits);
                    }
                }
            }
            start = stop;
        }
    }

    fn word_at(&self, position: usize) -> Option<u32> {
        let bytes = self.bytes.get(position..position + 4)?;
        Some(u32::from_le_bytes(bytes.try_into().ok()?))
    }

    /// `mov %fs:0, register` with its displacement at `position`.
    fn loads_thread_pointer(&self, position: usize) -> bool {
        let Some(start) = position.checked_sub(5) else {
            return false;
        };
        matches!(
            self.bytes.get(start..position),
            Some([0x64, rex, 0x8b, modrm, 0x25]) if rex & 0xf8 == 0x48 && modrm & 0xc7 == 4
        )
    }

    /// Follows the code from the instruction whose displacement or immediate
    /// is at `position`.
    fn follow(&self, position: usize, area: &Area, hits: &mut Hits) {
        let Some((start, first)) = self.instruction_around(position, area) else {
            return;
        };
        let code = self.bytes.get(start..).unwrap_or_default();
        let mut decoder = decoder(code, self.address.wrapping_add(start as u64));
        let mut follower = Follower::new(area);
        let mut instruction = Instruction::default();
        for number in 0..FOLLOWED {
            if !decoder.can_decode() {
                break;
            }
            decoder.decode_out(&mut instruction);
            if instruction.is_invalid() {
                break;
            }
            // a later access by constant address is found for itself
            let by_constant = follower
                .offset_in_area(&instruction)
                .map(|(_, evidence)| evidence == Evidence::Proved);
            let Effect { store, call, .. } = follower.step(&instruction);
            if by_constant == Some(number == 0) {
                hits.note(instruction.ip(), store.map(|store| (store, true)));
            }
            let leaves = matches!(
                instruction.flow_control(),
                FlowControl::UnconditionalBranch
                    | FlowControl::IndirectBranch
                    | FlowControl::Return
            );
            if leaves || call.is_some() || number == 0 && first == Lead::Access {
                break;
            }
        }
    }

    /// The longest instruction that ends its prefixes, opcode and address
    /// bytes at `position` and leads to the area.
    fn instruction_around(&self, position: usize, area: &Area) -> Option<(usize, Lead)> {
        let first = position.saturating_sub(BEFORE);
        let follower = Follower::new(area);
        (first..position).find_map(|start| {
            let code = self.bytes.get(start..)?;
            let mut decoder = decoder(code, self.address.wrapping_add(start as u64));
            let instruction = decoder.decode();
            if instruction.is_invalid() {
                return None;
            }
            let at = decoder.get_constant_offsets(&instruction);
            let places = [at.displacement_offset(), at.immediate_offset()];
            if !places.contains(&(position - start)) {
                return None;
            }
            Some((start, follower.lead(&instruction)?))
        })
    }
}

/// What an instruction does for a search.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lead {
    /// It uses the area.
    Access,
    /// It brings the area's address, or half of it, into a register.
    Address,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is found in `code`, which is at 0x1000: accesses, and the first
    /// store to a field of the kernel's.
    fn found(area: &Area, code: &[u8]) -> (u32, Option<u64>) {
        let mut critical = Critical::default();
        let mut bytes = code.to_vec();
        bytes.resize(512, 0x90);
        Chunk {
            bytes: &bytes,
            address: 0x1000,
            from: 0,
            to: bytes.len(),
        }
        .search_x86(
            area,
            &mut Hits {
                critical: &mut critical,
            },
        );
        let stray = critical.offence(Violation::StrayStore);
        (
            critical.accesses,
            stray.map(|offence| offence.first.address),
        )
    }

    const LOCAL: Area = Area {
        offset: Some(-0x28a0),
        slot: None,
    };

    #[test]
    fn a_constant_offset_from_the_thread_pointer() {
        // mov %eax, %fs:-0x28a0
        let store = [0x64, 0x89, 0x04, 0x25, 0x60, 0xd7, 0xff, 0xff];
        assert_eq!(found(&LOCAL, &store), (1, Some(0x1000)));
        // mov %fs:-0x289c, %eax
        let load = [0x64, 0x8b, 0x04, 0x25, 0x64, 0xd7, 0xff, 0xff];
        assert_eq!(found(&LOCAL, &load), (1, None));
        // movl $-1, %fs:-0x289c: what a thread says that is not registered
        let farewell = [
            0x64, 0xc7, 0x04, 0x25, 0x64, 0xd7, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
        ];
        assert_eq!(found(&LOCAL, &farewell), (1, None));
    }

    #[test]
    fn an_offset_in_a_register() {
        // mov $-0x28a0, %r9; mov %rdx, %fs:0x8(%r9); mov %rdx, %fs:-0x4(%r9)
        let code = [
            0x49, 0xc7, 0xc1, 0x60, 0xd7, 0xff, 0xff, 0x64, 0x49, 0x89, 0x51, 0x08, 0x64, 0x49,
            0x89, 0x51, 0xfc,
        ];
        assert_eq!(found(&LOCAL, &code), (2, Some(0x100c)));
    }

    #[test]
    fn an_address_from_the_thread_pointer() {
        // mov %fs:0, %rax; lea -0x28a0(%rax), %rcx; mov %edx, 0x18(%rcx)
        let code = [
            0x64, 0x48, 0x8b, 0x04, 0x25, 0, 0, 0, 0, 0x48, 0x8d, 0x88, 0x60, 0xd7, 0xff, 0xff,
            0x89, 0x51, 0x18,
        ];
        assert_eq!(found(&LOCAL, &code), (1, Some(0x1010)));
        // the same over a block's edge
        for pad in 50..70 {
            let mut moved = vec![0x90; pad];
            moved.extend(code);
            let at = 0x1010 + pad as u64;
            assert_eq!(found(&LOCAL, &moved), (1, Some(at)), "{pad}");
        }
    }

    #[test]
    fn an_offset_from_the_slot() {
        let area = Area {
            offset: None,
            slot: Some(0x3000),
        };
        // mov 0x1ff9(%rip), %rax; movl $0, %fs:(%rax)
        let code = [
            0x48, 0x8b, 0x05, 0xf9, 0x1f, 0, 0, 0x64, 0xc7, 0x00, 0, 0, 0, 0,
        ];
        assert_eq!(found(&area, &code), (1, Some(0x1007)));
        // mov %fs:0, %rax; add 0x1ff0(%rip), %rax; mov %ecx, 0x14(%rax)
        let code = [
            0x64, 0x48, 0x8b, 0x04, 0x25, 0, 0, 0, 0, 0x48, 0x03, 0x05, 0xf0, 0x1f, 0, 0, 0x89,
            0x48, 0x14,
        ];
        let (_, stray) = found(&area, &code);
        assert_eq!(stray, Some(0x1010));
    }
}
