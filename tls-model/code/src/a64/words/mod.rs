//! What the words of A64 say: registers, memory, and where the code goes on.
//!
//! Source: "Arm Architecture Reference Manual for A-profile", C4.1 (the encoding
//! index). The instructions have one width and few shapes, so their registers
//! are read from the words themselves; what is not listed here is [`Op::Strange`].

mod memory;
mod shape;

pub(super) use shape::{Action, Memory, Moves, Op, Register, STACK, Word, ZERO};

use memory::memory;
use shape::{bits, or_stack, register, signed};

/// Bytes of an instruction.
pub(super) const WIDTH: usize = 4;

/// Reads a word at an address; none where it is no instruction.
pub(super) fn read(word: u32, address: u64) -> Option<Word> {
    match bits(word, 25, 4) {
        0b1000 | 0b1001 => Some(immediate(word, address)),
        0b1010 | 0b1011 => branch(word, address),
        0b0100 | 0b0110 | 0b1100 | 0b1110 => Some(memory(word)),
        0b0101 | 0b1101 => Some(registers(word)),
        0b0111 | 0b1111 => Some(vectors(word)),
        // SVE
        0b0010 => Some(Word::strange(word)),
        // SME, and what means nothing
        _ if word >> 31 == 1 => Some(Word::strange(word)),
        _ => None,
    }
}

/// Data processing with a constant.
fn immediate(word: u32, address: u64) -> Word {
    let (to, from) = (register(word, 0), register(word, 5));
    let is_64 = word >> 31 == 1;
    match bits(word, 23, 3) {
        0b000 | 0b001 => {
            let by = signed(word, 5, 19) << 2 | i64::from(bits(word, 29, 2));
            let at = if is_64 {
                (address & !0xfff).wrapping_add_signed(by << 12)
            } else {
                address.wrapping_add_signed(by)
            };
            Word::new(Op::Page(to, at), [], [to])
        }
        0b010 => {
            let by = i64::from(bits(word, 10, 12)) << (12 * bits(word, 22, 1));
            let by = if bits(word, 30, 1) == 1 { -by } else { by };
            let sets_flags = bits(word, 29, 1) == 1;
            if sets_flags && to == ZERO {
                return Word::new(Op::Compare, [from], []);
            }
            let wide = or_stack(to);
            let op = if is_64 && !sets_flags {
                let from = or_stack(from);
                Op::Add { to: wide, from, by }
            } else if wide == STACK && !sets_flags {
                Op::StackPointer
            } else {
                Op::Other
            };
            Word::new(op, [from], [to])
        }
        0b100 => {
            let sets_flags = bits(word, 29, 2) == 3;
            let op = match (to == ZERO, sets_flags) {
                (true, true) => Op::Compare,
                (true, false) => Op::StackPointer,
                _ => Op::Other,
            };
            Word::new(op, [from], [to])
        }
        0b101 => {
            let shift = 16 * bits(word, 21, 2);
            let value = i64::from(bits(word, 5, 16)) << shift;
            let cut = |value: i64| if is_64 { value } else { value & 0xffff_ffff };
            match bits(word, 29, 2) {
                0b00 => Word::new(Op::Constant(to, cut(!value)), [], [to]),
                0b10 => Word::new(Op::Constant(to, value), [], [to]),
                0b11 => Word::new(Op::Keep(to, !(0xffff << shift), value), [to], [to]),
                _ => Word::strange(word),
            }
        }
        // bits moved; where they are inserted, the register keeps some of its own
        0b110 if bits(word, 29, 2) == 0b01 => Word::new(Op::Other, [from, to], [to]),
        0b110 => Word::new(Op::Other, [from], [to]),
        // bits of two registers
        0b111 => Word::new(Op::Other, [from, register(word, 16)], [to]),
        _ => Word::strange(word),
    }
}

/// Jumps, exceptions and the system's registers.
fn branch(word: u32, address: u64) -> Option<Word> {
    let target = |low, count| address.wrapping_add_signed(signed(word, low, count) << 2);
    let first = register(word, 0);
    if word & 0x7c00_0000 == 0x1400_0000 {
        let target = target(0, 26);
        return Some(if word >> 31 == 1 {
            Word::new(Op::Call(Some(target)), [], [30])
        } else {
            Word::new(Op::Jump(target), [], [])
        });
    }
    Some(match word >> 24 {
        0x54 => Word::new(Op::Branch(target(5, 19)), [], []),
        0x34 | 0x35 | 0xb4 | 0xb5 => Word::new(Op::Branch(target(5, 19)), [first], []),
        0x36 | 0x37 | 0xb6 | 0xb7 => Word::new(Op::Branch(target(5, 14)), [first], []),
        0xd4 if word & 0xe0_001f == 1 => Word::new(Op::SystemCall, [], [0]),
        0xd4 => Word::new(Op::Trap, [], []),
        0xd5 if word & !31 == MRS_TPIDR => Word::new(Op::ThreadPointer(first), [], [first]),
        // registers read; written; cache operations and hints
        0xd5 if bits(word, 20, 2) == 0b11 => Word::new(Op::Other, [], [first]),
        0xd5 => Word::new(Op::Other, [first], []),
        0xd6 | 0xd7 => {
            let to = register(word, 5);
            match bits(word, 21, 2) {
                0b00 => Word::new(Op::JumpTo, [to], []),
                0b01 => Word::new(Op::Call(None), [], [30]),
                _ => Word::new(Op::Return, [], []),
            }
        }
        _ => return None,
    })
}

/// `mrs xN, tpidr_el0`, without N.
pub(super) const MRS_TPIDR: u32 = 0xd53b_d040;

/// Data processing with registers.
fn registers(word: u32) -> Word {
    let (to, one, other) = (register(word, 0), register(word, 5), register(word, 16));
    let is_64 = word >> 31 == 1;
    match (bits(word, 28, 1), bits(word, 21, 4)) {
        (0, kind) if kind < 8 => {
            let is_copy = bits(word, 29, 2) == 1 && bits(word, 21, 3) == 0;
            let is_plain = bits(word, 10, 6) == 0 && is_64;
            let op = if bits(word, 29, 2) == 3 && to == ZERO {
                Op::Compare
            } else if is_copy && is_plain && one == ZERO {
                Op::Move { to, from: other }
            } else {
                Op::Other
            };
            Word::new(op, [one, other], [to])
        }
        (0, kind) => {
            let is_extended = kind & 1 == 1;
            let sets_flags = bits(word, 29, 1) == 1;
            let is_plain = is_64
                && bits(word, 30, 1) == 0
                && !sets_flags
                && if is_extended {
                    bits(word, 10, 6) & !0b10_0000 == 0b01_1000
                } else {
                    bits(word, 10, 6) == 0 && bits(word, 22, 2) == 0
                };
            let is_stack = is_extended && !sets_flags && to == ZERO;
            let op = match (is_stack, sets_flags && to == ZERO) {
                (true, _) => Op::StackPointer,
                (_, true) => Op::Compare,
                // a place in the frame, and an index
                _ if is_extended && one == ZERO => Op::Add {
                    to,
                    from: STACK,
                    by: 0,
                },
                _ if is_plain => Op::Sum { to, one, other },
                _ => Op::Other,
            };
            Word::new(op, [one, other], [to])
        }
        // compared under a condition
        (_, 0b0010) => {
            let other = Some(other).filter(|_| bits(word, 11, 1) == 0);
            Word::new(Op::Compare, [one].into_iter().chain(other), [])
        }
        (_, kind) if kind >= 8 => Word::new(Op::Other, [one, other, register(word, 10)], [to]),
        // of one operand: `other` is a part of the opcode
        (_, 0b0110) if bits(word, 30, 1) == 1 => Word::new(Op::Other, [one], [to]),
        _ => Word::new(Op::Other, [one, other], [to]),
    }
}

/// Vectors and floating point: few of them touch general registers.
fn vectors(word: u32) -> Word {
    let (to, from) = (register(word, 0), register(word, 5));
    if word & 0x7f00_0000 == 0x1e00_0000 {
        let is_conversion = bits(word, 21, 1) == 0 || bits(word, 10, 6) == 0;
        if is_conversion {
            return match bits(word, 16, 3) {
                0b010 | 0b011 | 0b111 => Word::new(Op::Other, [from], []),
                _ => Word::new(Op::Other, [], [to]),
            };
        }
    }
    // a copy between a vector's lane and a register
    if word & 0x9fe0_8400 == 0x0e00_0400 {
        return match bits(word, 11, 4) {
            0b0001 | 0b0011 if bits(word, 29, 1) == 0 => Word::new(Op::Other, [from], []),
            0b0101 | 0b0111 if bits(word, 29, 1) == 0 => Word::new(Op::Other, [], [to]),
            _ => Word::new(Op::Other, [], []),
        };
    }
    Word::new(Op::Other, [], [])
}
