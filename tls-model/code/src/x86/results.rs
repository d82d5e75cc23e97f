//! What an instruction leaves in its destination.

use iced_x86::{Instruction, Mnemonic, OpKind, Register};
use tls_model::rseq::arch::X86_64;

use super::abi::State;
use super::follower::Follower;
use super::operands::sum;
use crate::state::Value;

/// `__NR_rseq`.
const RSEQ: u64 = X86_64.syscall as u64;

impl Follower {
    /// Returns what the first operand holds behind the instruction.
    pub(super) fn result(&self, state: &State, instruction: &Instruction) -> Value {
        if instruction.op_count() == 0 || instruction.op0_kind() != OpKind::Register {
            return Value::Unknown;
        }
        let to = instruction.op0_register();
        if instruction.mnemonic() == Mnemonic::Pop {
            return if to.is_gpr64() {
                state.load(Register::RSP, 0)
            } else {
                Value::Unknown
            };
        }
        if instruction.op_count() != 2 {
            return Value::Unknown;
        }
        let is_number = instruction.mnemonic() == Mnemonic::Mov
            && to.is_gpr()
            && instruction
                .try_immediate(1)
                .is_ok_and(|number| number == RSEQ);
        if is_number {
            return Value::RseqNumber;
        }
        if !to.is_gpr64() {
            return Value::Unknown;
        }
        let own = state.get(to);
        let source = instruction.op1_kind();
        match instruction.mnemonic() {
            Mnemonic::Mov if source == OpKind::Register => state.get(instruction.op1_register()),
            Mnemonic::Mov if source == OpKind::Memory => self.loaded(state, instruction),
            Mnemonic::Mov => self.constant(instruction),
            Mnemonic::Add if source == OpKind::Memory => self.added(own, instruction),
            Mnemonic::Add if source == OpKind::Register => {
                sum(own, state.get(instruction.op1_register()))
            }
            Mnemonic::Add => instruction
                .try_immediate(1)
                .map_or(Value::Unknown, |more| own.moved(more as i64)),
            Mnemonic::Sub if source != OpKind::Register && source != OpKind::Memory => {
                instruction.try_immediate(1).map_or(Value::Unknown, |less| {
                    own.moved((less as i64).wrapping_neg())
                })
            }
            Mnemonic::Lea if Self::is_word(instruction, self.area.module) => Value::Module,
            Mnemonic::Lea
                if instruction.memory_base() == Register::None
                    && instruction.memory_index() == Register::None =>
            {
                self.offset(instruction.memory_displacement64() as i64)
            }
            Mnemonic::Lea if !instruction.is_ip_rel_memory_operand() => {
                let base = state.get(instruction.memory_base());
                let displacement = instruction.memory_displacement64() as i64;
                match instruction.memory_index() {
                    Register::None => base.moved(displacement),
                    index if instruction.memory_index_scale() == 1 => {
                        sum(base, state.get(index)).moved(displacement)
                    }
                    _ => Value::Unknown,
                }
            }
            _ => Value::Unknown,
        }
    }

    /// Returns the area's offset where a constant may be that: what it is used for tells.
    fn constant(&self, instruction: &Instruction) -> Value {
        instruction
            .try_immediate(1)
            .map_or(Value::Unknown, |value| self.offset(value as i64))
    }

    fn offset(&self, value: i64) -> Value {
        match self.area.offset.map(|offset| value.wrapping_sub(offset)) {
            Some(at @ -16..32) => Value::Offset { at, sure: false },
            _ => Value::Unknown,
        }
    }

    fn loaded(&self, state: &State, instruction: &Instruction) -> Value {
        if Self::is_word(instruction, self.area.slot) {
            Value::Offset { at: 0, sure: true }
        } else if Self::is_thread_pointer(instruction) {
            Value::Thread(0)
        } else if instruction.memory_index() == Register::None
            && instruction.memory_segment() != Register::FS
        {
            state.load(
                instruction.memory_base(),
                instruction.memory_displacement64() as i64,
            )
        } else {
            Value::Unknown
        }
    }

    /// Returns what a register holds after a word in memory is added to it.
    fn added(&self, own: Value, instruction: &Instruction) -> Value {
        if Self::is_word(instruction, self.area.slot) {
            // nothing else than the thread pointer is added to an offset
            return Value::Area(0);
        }
        match own {
            Value::Offset { at, .. } if Self::is_thread_pointer(instruction) => Value::Area(at),
            _ => Value::Unknown,
        }
    }
}
