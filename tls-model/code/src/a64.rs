//! AArch64: what instructions do, and registers that lead to the area.

use tls_model::facts::Evidence;
use yaxpeax_arch::{Decoder, U8Reader};
use yaxpeax_arm::armv8::a64::{InstDecoder, Instruction, Opcode, Operand, SIMDSizeCode, SizeCode};

use crate::area::Area;
use crate::section::{Effect, End, Store, Target};

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
    /// The thread pointer and so many bytes.
    Thread(i64),
    /// The area's offset from the thread pointer.
    Offset,
    /// The area's address and so many bytes.
    Area(i64),
}

/// Follows registers through straight code.
struct Follower<'a> {
    area: &'a Area,
    registers: [Value; 32],
}

impl Follower<'_> {
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
        let effect = Effect {
            system_call: instruction.opcode == Opcode::SVC,
            call: call(instruction, address),
            store: self.store(word, instruction),
        };
        self.follow(word, instruction, address);
        if effect.call.is_some() {
            self.registers = [Value::Unknown; 32];
        }
        effect
    }

    fn store(&self, word: u32, instruction: &Instruction) -> Option<Store> {
        let in_place = is_atomic(word);
        let size = if in_place {
            1 << (word >> 30)
        } else {
            stored_bytes(instruction)?
        };
        let (base, offset) = instruction
            .operands
            .iter()
            .find_map(|operand| match operand {
                Operand::RegPreIndex(base, offset, _) => Some((*base, i64::from(*offset))),
                Operand::RegPostIndex(base, _) | Operand::RegPostIndexReg(base, _) => {
                    Some((*base, 0))
                }
                Operand::RegRegOffset(base, ..) => Some((*base, i64::MAX)),
                _ => None,
            })?;
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

    fn follow(&mut self, word: u32, instruction: &Instruction, address: u64) {
        if word & !31 == MRS_TPIDR {
            self.set((word & 31) as u16, Value::Thread(0));
            return;
        }
        let target = |operand: &Operand| match operand {
            Operand::Register(_, register) | Operand::RegisterOrSP(_, register) => Some(*register),
            _ => None,
        };
        let [first, second, third, _] = &instruction.operands;
        let Some(to) = target(first) else {
            return;
        };
        if stored_bytes(instruction).is_some() {
            // the first operand of a plain store is read
            return;
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
                    match (self.get(one), self.get(*other)) {
                        (Value::Thread(0), Value::Offset) | (Value::Offset, Value::Thread(0)) => {
                            Value::Area(0)
                        }
                        _ => Value::Unknown,
                    }
                }
                _ => Value::Unknown,
            },
            // `mov` is `orr` with the zero register
            (Opcode::ORR, Operand::Register(_, 31), Operand::RegShift(_, 0, _, from)) => {
                self.get(*from)
            }
            _ => Value::Unknown,
        };
        self.set(to, value);
        if let (Opcode::LDP, Operand::Register(_, other)) = (instruction.opcode, second) {
            self.set(*other, Value::Unknown);
        }
    }
}

/// `mrs xN, tpidr_el0`, without N.
const MRS_TPIDR: u32 = 0xd53b_d040;

fn moved(value: Value, by: i64) -> Value {
    match value {
        Value::Address(at) => Value::Address(at.wrapping_add_signed(by)),
        Value::Thread(at) => Value::Thread(at.wrapping_add(by)),
        Value::Area(at) => Value::Area(at.wrapping_add(by)),
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

/// Atomic memory operations and compare-and-swap (Arm Architecture Reference
/// Manual, C4.1): they change memory in place. `LDAPR` shares their encoding
/// and only loads.
fn is_atomic(word: u32) -> bool {
    let memory_operation = word & 0x3b20_0c00 == 0x3820_0000 && word & 0x3fff_fc00 != 0x38bf_c000;
    let compare_and_swap = word & 0x3fa0_7c00 == 0x08a0_7c00;
    memory_operation || compare_and_swap
}

/// Bytes that a plain store writes.
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
    let mut follower = Follower {
        area,
        registers: [Value::Unknown; 32],
    };
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

/// Follows the code around every read of the thread pointer and reports the
/// stores to the area.
pub(crate) fn search(code: &[u8], address: u64, area: &Area, mut report: impl FnMut(u64, Store)) {
    let skip = (address.wrapping_neg() % WIDTH as u64) as usize;
    let mut at = skip;
    let mut free_from = skip;
    while let Some((word, _)) = word_at(code, at) {
        if word & !31 != MRS_TPIDR {
            at += WIDTH;
            continue;
        }
        let start = at.saturating_sub(BEFORE * WIDTH).max(free_from);
        let end = (at + FOLLOWED * WIDTH).min(code.len());
        let piece = code.get(start..end).unwrap_or_default();
        let mut left = false;
        walk(
            piece,
            address.wrapping_add(start as u64),
            area,
            |here, effect| {
                if let Some(store) = effect.store.filter(|store| store.area.is_some() && !left) {
                    report(here, store);
                }
                left |= effect.call.is_some();
            },
        );
        at = end.max(at + WIDTH);
        free_from = at;
    }
}
