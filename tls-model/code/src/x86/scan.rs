//! Finding the instructions that lead to the area, among a hundred megabytes of
//! others.
//!
//! Four bytes that hold the area's offset, or lead to a word that the dynamic
//! linker fills, are found without decoding.

use super::decoder;
use super::follower::Follower;
use crate::area::{Area, BEFORE_AREA};
use crate::flow::Piece;

/// Bytes before the four that are looked for: prefixes, opcode and address.
const BEFORE: usize = 9;

/// Positions that are looked at together, and the bytes behind them that are
/// part of the same look.
const BLOCK: usize = 64;
const BLOCK_BEHIND: usize = 8;

/// Calls `found` with the address of each instruction that leads to the area.
pub(super) fn scan(piece: &Piece<'_>, area: &Area, mut found: impl FnMut(u64)) {
    let wanted = Wanted::new(area, piece.address);
    let follower = Follower::new(area);
    let end = piece.to.min(piece.bytes.len().saturating_sub(3));
    let mut start = piece.from;
    while start < end {
        let stop = end.min(start + BLOCK);
        let passed = piece
            .bytes
            .get(start..start + BLOCK + BLOCK_BEHIND)
            .and_then(|bytes| bytes.try_into().ok())
            .is_some_and(|block| !wanted.may_be_in(block, start));
        if !passed {
            for position in start..stop {
                if piece.may_lead(&wanted, position)
                    && let Some(start) = piece.instruction_around(position, &follower)
                {
                    found(piece.address.wrapping_add(start as u64));
                }
            }
        }
        start = stop;
    }
}

/// Values of four bytes that lead to the area.
struct Wanted {
    /// The offset of the first byte that counts, and how many do.
    first: u32,
    count: u32,
    /// Where the words are that the dynamic linker fills, seen from a
    /// displacement at position 0.
    words: [Option<u32>; 2],
}

impl Wanted {
    fn new(area: &Area, address: u64) -> Self {
        // four bytes at position p hold word - (address + p + 4)
        let seen = |word: u64| (word as u32).wrapping_sub((address as u32).wrapping_add(4));
        Self {
            first: area.offset.unwrap_or(0).wrapping_sub(BEFORE_AREA) as u32,
            count: if area.offset.is_some() {
                (BEFORE_AREA + 32) as u32
            } else {
                0
            },
            words: [area.slot, area.module].map(|word| word.map(seen)),
        }
    }

    fn is(&self, four: u32, position: usize) -> bool {
        four.wrapping_sub(self.first) < self.count
            || self
                .words
                .contains(&Some(four.wrapping_add(position as u32)))
    }

    /// Returns whether one of the block's positions may lead to the area. Without
    /// early exits, so that the compiler compares whole vectors.
    fn may_be_in(&self, block: &[u8; BLOCK + BLOCK_BEHIND], start: usize) -> bool {
        // where there is one word only, both are the same
        let [one, other] = self.words;
        let [one, other] =
            [one.or(other), other.or(one)].map(|word| word.unwrap_or(0).wrapping_sub(start as u32));
        let mut found = 0_u32;
        for position in 0..BLOCK as u32 {
            let at = position as usize;
            let four = u32::from_le_bytes([block[at], block[at + 1], block[at + 2], block[at + 3]]);
            found |= u32::from(four.wrapping_sub(self.first) < self.count);
            found |= u32::from(four.wrapping_add(position) == one);
            found |= u32::from(four.wrapping_add(position) == other);
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

impl Piece<'_> {
    fn may_lead(&self, wanted: &Wanted, position: usize) -> bool {
        self.bytes
            .get(position..position + 4)
            .and_then(|bytes| bytes.try_into().ok())
            .is_some_and(|bytes| wanted.is(u32::from_le_bytes(bytes), position))
            || self.loads_thread_pointer(position)
    }

    /// Returns whether `mov %fs:0, register` has its displacement at `position`.
    fn loads_thread_pointer(&self, position: usize) -> bool {
        let Some(start) = position.checked_sub(5) else {
            return false;
        };
        matches!(
            self.bytes.get(start..position),
            Some([0x64, rex, 0x8b, modrm, 0x25]) if rex & 0xf8 == 0x48 && modrm & 0xc7 == 4
        )
    }

    /// Returns the longest instruction that ends its prefixes, opcode and address
    /// bytes at `position` and leads to the area.
    fn instruction_around(&self, position: usize, follower: &Follower) -> Option<usize> {
        let first = position.saturating_sub(BEFORE);
        (first..position).find(|&start| {
            let code = self.bytes.get(start..).unwrap_or_default();
            let mut decoder = decoder(code, self.address.wrapping_add(start as u64));
            let instruction = decoder.decode();
            if instruction.is_invalid() {
                return false;
            }
            let at = decoder.get_constant_offsets(&instruction);
            let places = [at.displacement_offset(), at.immediate_offset()];
            places.contains(&(position - start)) && follower.leads(&instruction)
        })
    }
}
