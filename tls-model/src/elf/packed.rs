//! Relocations in the forms that save bytes: those of Android's packer, and CREL.
//!
//! Sources: bionic's `linker_reloc_iterators.h` for the first, the proposal for the
//! generic ABI ("CREL relocation format") for the second. Neither has records of one
//! size: both are read from front to back, in small pieces.

use core::ops::ControlFlow;

use super::cursor::Cursor;
use super::strings::Strings;
use super::table::MOST_BYTES;
use super::{Class, Error, Object, Relocation, Source};

/// What Android's packed relocations begin with. There is no other version.
const MAGIC: [u8; 4] = *b"APS2";

/// Flags of a group of Android's relocations.
const SAME_INFO: u64 = 1;
const SAME_STEP: u64 = 2;
const SAME_ADDEND: u64 = 4;
const HAS_ADDEND: u64 = 8;

/// The header of CREL: relocations have addends, and how far offsets are shifted.
const CREL_ADDENDS: u64 = 4;
const CREL_SHIFT: u64 = 3;

/// Flags of one relocation of CREL.
const NEW_SYMBOL: u8 = 1;
const NEW_KIND: u8 = 2;
const NEW_ADDEND: u8 = 4;

/// Most bytes of a number of 64 bits.
const LONGEST: u32 = 10;

/// The most relocations that a table is taken to have: those that fit in the largest
/// table of records. Android's may take no byte each.
const MOST: u64 = MOST_BYTES / 24;

impl<S: Source> Cursor<'_, S> {
    /// Returns a number of seven bits in each byte, the lowest first, and how many bits of
    /// it there are.
    fn number(&mut self) -> Result<(u64, u32, u8), Error> {
        let mut value = 0_u64;
        for index in 0..LONGEST {
            let byte = self.byte()?;
            let shift = index.saturating_mul(7);
            value |= u64::from(byte & 0x7f).wrapping_shl(shift);
            if byte & 0x80 == 0 {
                return Ok((value, shift.saturating_add(7), byte));
            }
        }
        Err(Error::Damaged)
    }

    fn unsigned(&mut self) -> Result<u64, Error> {
        self.number().map(|(value, ..)| value)
    }

    fn signed(&mut self) -> Result<u64, Error> {
        let (value, bits, last) = self.number()?;
        let is_negative = last & 0x40 != 0;
        Ok(if is_negative && bits < u64::BITS {
            value | u64::MAX.wrapping_shl(bits)
        } else {
            value
        })
    }
}

impl<S: Source> Object<S> {
    /// Visits Android's packed relocations.
    pub(super) fn android_relocations<B>(
        &self,
        offset: u64,
        size: u64,
        with_addend: bool,
        visit: &mut impl FnMut(Relocation) -> ControlFlow<B>,
    ) -> Result<Option<B>, Error> {
        let mut bytes = self.cursor(Strings { offset, size })?;
        for expected in MAGIC {
            if bytes.byte()? != expected {
                return Err(Error::Damaged);
            }
        }
        let count = bytes.signed()?;
        if count > MOST {
            return Err(Error::Damaged);
        }
        let mut place = bytes.signed()?;
        let (mut info, mut addend) = (0, 0_u64);
        let mut done = 0_u64;
        while done < count {
            let group = bytes.signed()?;
            let flags = bytes.signed()?;
            if group == 0 || group > count.saturating_sub(done) {
                return Err(Error::Damaged);
            }
            done = done.saturating_add(group);
            let has = |flag: u64| flags & flag != 0;
            let step = if has(SAME_STEP) { bytes.signed()? } else { 0 };
            if has(SAME_INFO) {
                info = bytes.signed()?;
            }
            if !has(HAS_ADDEND) {
                addend = 0;
            } else if has(SAME_ADDEND) {
                addend = addend.wrapping_add(bytes.signed()?);
            }
            for _ in 0..group {
                let step = if has(SAME_STEP) {
                    step
                } else {
                    bytes.signed()?
                };
                place = place.wrapping_add(step);
                if !has(SAME_INFO) {
                    info = bytes.signed()?;
                }
                if has(HAS_ADDEND) && !has(SAME_ADDEND) {
                    addend = addend.wrapping_add(bytes.signed()?);
                }
                let (symbol, kind) = self.symbol_and_kind(info);
                let relocation = Relocation {
                    offset: self.narrow(place),
                    symbol,
                    kind,
                    addend: with_addend.then(|| self.narrow(addend)),
                };
                if let ControlFlow::Break(value) = visit(relocation) {
                    return Ok(Some(value));
                }
            }
        }
        Ok(None)
    }

    /// Visits the relocations of a table in the form CREL.
    pub(super) fn crel_relocations<B>(
        &self,
        offset: u64,
        size: u64,
        visit: &mut impl FnMut(Relocation) -> ControlFlow<B>,
    ) -> Result<Option<B>, Error> {
        let mut bytes = self.cursor(Strings { offset, size })?;
        let header = bytes.unsigned()?;
        let with_addend = header & CREL_ADDENDS != 0;
        let flag_bits = if with_addend { 3 } else { 2 };
        let shift = (header & CREL_SHIFT) as u32;
        let (mut place, mut symbol, mut kind, mut addend) = (0_u64, 0_u64, 0_u64, 0_u64);
        for _ in 0..header >> 3 {
            let first = bytes.byte()?;
            let low = u64::from(first & 0x7f).wrapping_shr(flag_bits);
            place = place.wrapping_add(low);
            if first & 0x80 != 0 {
                let high = bytes.unsigned()?;
                place = place.wrapping_add(high.wrapping_shl(7_u32.saturating_sub(flag_bits)));
            }
            if first & NEW_SYMBOL != 0 {
                symbol = symbol.wrapping_add(bytes.signed()?);
            }
            if first & NEW_KIND != 0 {
                kind = kind.wrapping_add(bytes.signed()?);
            }
            if with_addend && first & NEW_ADDEND != 0 {
                addend = addend.wrapping_add(bytes.signed()?);
            }
            let relocation = Relocation {
                offset: self.narrow(place.wrapping_shl(shift)),
                symbol: symbol & 0xffff_ffff,
                kind: kind as u32,
                addend: with_addend.then(|| self.narrow(addend)),
            };
            if let ControlFlow::Break(value) = visit(relocation) {
                return Ok(Some(value));
            }
        }
        Ok(None)
    }

    /// Returns a number as wide as an address.
    fn narrow(&self, value: u64) -> u64 {
        match self.layout.class {
            Class::Elf32 => value & 0xffff_ffff,
            Class::Elf64 => value,
        }
    }
}
