//! AArch64: what instructions do, and registers that lead to the area.

use tls_model::facts::Evidence;
use yaxpeax_arch::{Decoder, U8Reader};
use yaxpeax_arm::armv8::a64::{InstDecoder, Instruction, Opcode, Operand, SIMDSizeCode, SizeCode};

use crate::area::Area;
use crate::effect::{Access, Effect, End, Store, Target};
use crate::hits::Hits;

/// Bytes of an instruction.
const WIDTH: usize = 4;

/// Instructions before the read of the thread pointer that may have loaded the
/// area's offset, and instructions behind it that are followed.
const BEFORE: usize = 8;
const FOLLOWED: usize = 48;

/// What a register is known to hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Value {
    #[default]
    Unknown,
    /// An address in the object.
    Address(u64),
    /// The thread pointer and this many bytes.
    Thread(i64),
    /// The area's offset from the thread pointer.
    Offset,
    /// The area's address and this many bytes.
    Area(i64),
    /// A constant: it may be added to the thread pointer.
    Constant(i64),
}

/// Follows registers through straight code.
struct Follower<'a> {
    area: &'a Area,
    registers: [Value; 32],
}

impl<'a> Follower<'a> {
    fn new(area: &'a Area) -> Self {
        Self {
            area,
            registers: [Value::Unknown; 32],
        }
    }

    fn get(&self, register: u16) -> Value {
        self.registers
            .get(usize::from(register))
            .copied()
            .unwrap_or_default()
    }

    fn set(&mut self, register: u16, value: Value) {
        let value = match (value, self.area.offset) {
            (Value::Thread(at), Some(offset)) => match at.wrapping_sub(offset) {
                inside @ -16..32 => Value::Area(inside),
                _ => value,
            },
            _ => value,
        };
        // 31 is the zero register or the stack pointer: neither is followed
        if register != 31
            && let Some(slot) = self.registers.get_mut(usize::from(register))
        {
            *slot = value;
        }
    }

    fn step(&mut self, word: u32, instruction: &Instruction, address: u64) -> Effect {
        let mut effect = Effect {
            system_call: instruction.opcode == Opcode::SVC,
            call: call(instruction, address),
            store: self.store(word, instruction),
            access: self.access(word, instruction),
            ..Effect::default()
        };
        effect.formed = self.follow(word, instruction, address);
        if effect.call.is_some() {
            self.forget(CLOBBERED);
        }
        if matches!(instruction.opcode, Opcode::RET | Opcode::B | Opcode::BR) {
            // what follows is reached from elsewhere
            self.forget(32);
        }
        effect
    }

    /// Forgets the first `count` registers.
    fn forget(&mut self, count: usize) {
        for value in self.registers.iter_mut().take(count) {
            *value = Value::Unknown;
        }
    }

    /// Returns the read or write of the area that the instruction makes.
    fn access(&self, word: u32, instruction: &Instruction) -> Option<Access> {
        let (base, offset) = address_of(instruction)?;
        let Value::Area(at) = self.get(base) else {
            return None;
        };
        let offset = at.saturating_add(offset);
        Some(Access {
            offset,
            size: self.store(word, instruction).map_or(1, |store| store.size),
            evidence: Evidence::Likely,
        })
        .filter(|_| (-16..32).contains(&offset))
    }

    fn store(&self, word: u32, instruction: &Instruction) -> Option<Store> {
        let in_place = is_atomic(word);
        let size = if in_place {
            1 << (word >> 30)
        } else {
            stored_bytes(instruction)?
        };
        let (base, offset) = address_of(instruction)?;
        let inside = match self.get(base) {
            Value::Area(at) => Some(at.saturating_add(offset)),
            _ => None,
        };
        Some(Store {
            area: inside
                .filter(|inside| (-16..32).contains(inside))
                .map(|inside| (inside, Evidence::Likely)),
            size,
            value: None,
            in_place,
            private: base == 31,
        })
    }

    /// Carries the registers over an instruction; returns whether it makes the area's
    /// address.
    fn follow(&mut self, word: u32, instruction: &Instruction, address: u64) -> bool {
        if word & !31 == MRS_TPIDR {
            self.set((word & 31) as u16, Value::Thread(0));
            return false;
        }
        let target = |operand: &Operand| match operand {
            Operand::Register(_, register) | Operand::RegisterOrSP(_, register) => Some(*register),
            _ => None,
        };
        let [first, second, third, _] = &instruction.operands;
        let Some(to) = target(first) else {
            return false;
        };
        if stored_bytes(instruction).is_some() {
            // the first operand of a plain store is read
            return false;
        }
        let value = match (instruction.opcode, second, third) {
            (Opcode::ADRP, Operand::PCOffset(by), _) => {
                Value::Address((address & !0xfff).wrapping_add_signed(*by))
            }
            (Opcode::LDR, Operand::RegPreIndex(base, offset, false), _) => {
                match (self.get(*base), self.area.slot) {
                    (Value::Address(page), Some(slot))
                        if page.wrapping_add_signed(i64::from(*offset)) == slot =>
                    {
                        Value::Offset
                    }
                    _ => Value::Unknown,
                }
            }
            (Opcode::ADD, from, by) => match (target(from), by) {
                (Some(from), Operand::Immediate(by)) => moved(self.get(from), i64::from(*by)),
                (Some(from), Operand::Imm16(by)) => moved(self.get(from), i64::from(*by)),
                (Some(from), Operand::ImmShift(by, shift)) => {
                    moved(self.get(from), i64::from(*by) << (shift & 31))
                }
                (Some(one), Operand::Register(_, other) | Operand::RegShift(_, 0, _, other)) => {
                    sum(self.get(one), self.get(*other))
                }
                _ => Value::Unknown,
            },
            // `mov` of a constant: 16 bits, more of them by `movk`
            (Opcode::MOVZ, Operand::ImmShift(by, shift), _) => {
                Value::Constant(i64::from(*by) << (shift & 63))
            }
            (Opcode::MOVZ, Operand::Imm16(by), _) => Value::Constant(i64::from(*by)),
            (Opcode::MOVK, operand, _) => match (self.get(to), operand) {
                (Value::Constant(low), Operand::ImmShift(by, shift)) => {
                    let mask = 0xffff_i64 << (shift & 63);
                    Value::Constant(low & !mask | i64::from(*by) << (shift & 63))
                }
                (Value::Constant(high), Operand::Imm16(by)) => {
                    Value::Constant(high & !0xffff | i64::from(*by))
                }
                _ => Value::Unknown,
            },
            // `mov` is `orr` with the zero register
            (Opcode::ORR, Operand::Register(_, 31), Operand::RegShift(_, 0, _, from)) => {
                self.get(*from)
            }
            _ => Value::Unknown,
        };
        let is_copy = instruction.opcode == Opcode::ORR;
        self.set(to, value);
        let formed = !is_copy && matches!(self.get(to), Value::Area(0..32));
        if let (Opcode::LDP, Operand::Register(_, other)) = (instruction.opcode, second) {
            self.set(*other, Value::Unknown);
        }
        formed
    }
}

/// Registers that a called function need not restore: x0 to x18 (Procedure Call
/// Standard for AArch64, 6.1.1).
const CLOBBERED: usize = 19;

/// Returns the base register and the offset of a memory operand.
fn address_of(instruction: &Instruction) -> Option<(u16, i64)> {
    instruction
        .operands
        .iter()
        .find_map(|operand| match operand {
            Operand::RegPreIndex(base, offset, _) => Some((*base, i64::from(*offset))),
            Operand::RegPostIndex(base, _) | Operand::RegPostIndexReg(base, _) => Some((*base, 0)),
            Operand::RegRegOffset(base, ..) => Some((*base, i64::MAX)),
            _ => None,
        })
}

fn sum(one: Value, other: Value) -> Value {
    match (one, other) {
        (Value::Thread(0), Value::Offset) | (Value::Offset, Value::Thread(0)) => Value::Area(0),
        (Value::Thread(at), Value::Constant(by)) | (Value::Constant(by), Value::Thread(at)) => {
            Value::Thread(at.wrapping_add(by))
        }
        _ => Value::Unknown,
    }
}

/// `mrs xN, tpidr_el0`, without N.
const MRS_TPIDR: u32 = 0xd53b_d040;

fn moved(value: Value, by: i64) -> Value {
    match value {
        Value::Address(at) => Value::Address(at.wrapping_add_signed(by)),
        Value::Thread(at) => Value::Thread(at.wrapping_add(by)),
        Value::Area(at) => Value::Area(at.wrapping_add(by)),
        Value::Constant(at) => Value::Constant(at.wrapping_add(by)),
        Value::Unknown | Value::Offset => Value::Unknown,
    }
}

fn call(instruction: &Instruction, address: u64) -> Option<Target> {
    match (instruction.opcode, &instruction.operands[0]) {
        (Opcode::BL, Operand::PCOffset(by)) => {
            Some(Target::Address(address.wrapping_add_signed(*by)))
        }
        (Opcode::BLR, _) => Some(Target::Unknown),
        _ => None,
    }
}

/// Returns whether it is an atomic memory operation or compare-and-swap (Arm Architecture Reference
/// Manual, C4.1), which change memory in place. `LDAPR` shares their encoding
/// and only loads.
fn is_atomic(word: u32) -> bool {
    let memory_operation = word & 0x3b20_0c00 == 0x3820_0000 && word & 0x3fff_fc00 != 0x38bf_c000;
    let compare_and_swap = word & 0x3fa0_7c00 == 0x08a0_7c00;
    memory_operation || compare_and_swap
}

/// Returns the number of bytes that a plain store writes.
fn stored_bytes(instruction: &Instruction) -> Option<u64> {
    let register = |operand: &Operand| match operand {
        Operand::Register(SizeCode::W, _) | Operand::SIMDRegister(SIMDSizeCode::S, _) => 4,
        Operand::Register(SizeCode::X, _) | Operand::SIMDRegister(SIMDSizeCode::D, _) => 8,
        Operand::SIMDRegister(SIMDSizeCode::B, _) => 1,
        Operand::SIMDRegister(SIMDSizeCode::H, _) => 2,
        _ => 16,
    };
    let [first, second, ..] = &instruction.operands;
    match instruction.opcode {
        Opcode::STR
        | Opcode::STUR
        | Opcode::STTR
        | Opcode::STLR
        | Opcode::STLLR
        | Opcode::STLUR => Some(register(first)),
        Opcode::STRB
        | Opcode::STURB
        | Opcode::STTRB
        | Opcode::STLRB
        | Opcode::STLLRB
        | Opcode::STLURB
        | Opcode::STXRB
        | Opcode::STLXRB => Some(1),
        Opcode::STRH
        | Opcode::STURH
        | Opcode::STTRH
        | Opcode::STLRH
        | Opcode::STLLRH
        | Opcode::STLURH
        | Opcode::STXRH
        | Opcode::STLXRH => Some(2),
        Opcode::STP | Opcode::STNP => Some(2 * register(first)),
        Opcode::STXR | Opcode::STLXR => Some(register(second)),
        Opcode::STXP | Opcode::STLXP => Some(2 * register(second)),
        Opcode::ST1 | Opcode::ST2 | Opcode::ST3 | Opcode::ST4 => Some(16),
        _ => None,
    }
}

fn word_at(code: &[u8], at: usize) -> Option<(u32, &[u8])> {
    let bytes = code.get(at..at.checked_add(WIDTH)?)?;
    Some((u32::from_le_bytes(bytes.try_into().ok()?), bytes))
}

fn decoded(bytes: &[u8]) -> Option<Instruction> {
    InstDecoder::default()
        .decode(&mut U8Reader::new(bytes))
        .ok()
}

/// Walks code from its first byte on.
pub(crate) fn walk(
    code: &[u8],
    address: u64,
    area: &Area,
    mut see: impl FnMut(u64, Effect),
) -> End {
    let mut follower = Follower::new(area);
    let mut end = End::default();
    let mut at = 0;
    while let Some((word, bytes)) = word_at(code, at) {
        let Some(instruction) = decoded(bytes) else {
            break;
        };
        let here = address.wrapping_add(at as u64);
        see(here, follower.step(word, &instruction, here));
        end = End {
            bytes: (at + WIDTH) as u64,
            last: at as u64,
        };
        at += WIDTH;
    }
    end
}

/// Notes what uses the area in a piece of code; what is between functions need
/// not be code.
fn inspect_around(code: &[u8], address: u64, area: &Area, hits: &mut Hits<'_>) {
    let mut follower = Follower::new(area);
    for (index, bytes) in code.chunks_exact(WIDTH).enumerate() {
        let here = address.wrapping_add((index * WIDTH) as u64);
        let Some((word, instruction)) = word_at(bytes, 0).map(|(word, _)| word).zip(decoded(bytes))
        else {
            follower.forget(32);
            continue;
        };
        let effect = follower.step(word, &instruction, here);
        if effect.is_use() {
            hits.uses(here);
        }
        if let Some(store) = effect.store {
            hits.store(here, store);
        }
    }
}

/// Follows the code around every read of the thread pointer, in a straight line,
/// and notes what uses the area.
pub(crate) fn search(code: &[u8], address: u64, area: &Area, hits: &mut Hits<'_>) {
    let skip = (address.wrapping_neg() % WIDTH as u64) as usize;
    let mut at = skip;
    while let Some((word, _)) = word_at(code, at) {
        if word & !31 == MRS_TPIDR {
            let start = at.saturating_sub(BEFORE * WIDTH).max(skip);
            let end = (at + FOLLOWED * WIDTH).min(code.len());
            let piece = code.get(start..end).unwrap_or_default();
            inspect_around(piece, address.wrapping_add(start as u64), area, hits);
        }
        at += WIDTH;
    }
}
