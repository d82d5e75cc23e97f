//! What instructions do with their operands.

use iced_x86::{Code, Instruction, Mnemonic, OpAccess, OpKind, Register};

use super::abi::State;
use crate::state::Value;

pub(super) fn sum(one: Value, other: Value) -> Value {
    match (one, other) {
        (Value::Thread(0), Value::Offset { at, .. })
        | (Value::Offset { at, .. }, Value::Thread(0)) => Value::Area(at),
        _ => Value::Unknown,
    }
}

/// Returns the place of the frame whose address the instruction makes: base and
/// displacement.
pub(super) fn shown(instruction: &Instruction) -> Option<(Register, i64)> {
    match instruction.mnemonic() {
        Mnemonic::Lea => {
            let displacement = instruction.memory_displacement64() as i64;
            Some((instruction.memory_base(), displacement))
        }
        Mnemonic::Mov
            if instruction.op0_kind() == OpKind::Register
                && instruction.op1_kind() == OpKind::Register
                && instruction.op0_register() != Register::RBP
                && instruction.op0_register() != Register::RSP
                && [Register::RSP, Register::RBP].contains(&instruction.op1_register()) =>
        {
            Some((instruction.op1_register(), 0))
        }
        _ => None,
    }
}

/// Returns whether a pointer in the frame is read by something that does not put it into
/// a general register: copied with what lies beside it, added, or pushed.
pub(super) fn reads_otherwise(state: &State, instruction: &Instruction) -> bool {
    let is_followed = match instruction.mnemonic() {
        Mnemonic::Cmp | Mnemonic::Test => true,
        Mnemonic::Mov => {
            instruction.op0_kind() == OpKind::Memory || instruction.op0_register().is_gpr64()
        }
        _ => false,
    };
    uses_memory(instruction)
        && !is_followed
        && instruction.memory_index() == Register::None
        && instruction.memory_segment() != Register::FS
        // what only writes there takes nothing away
        && !(instruction.op0_kind() == OpKind::Memory && only_writes(instruction))
        && state.overlaps_pointer(
            instruction.memory_base(),
            instruction.memory_displacement64() as i64,
            instruction.memory_size().size() as i64,
        )
}

/// Returns whether the instruction is a store of a vector: those read no memory that
/// they write.
pub(super) fn only_writes(instruction: &Instruction) -> bool {
    instruction.op_count() == 2
        && instruction.op1_kind() == OpKind::Register
        && instruction.op1_register().is_vector_register()
}

/// Returns whether the instruction reads or writes its memory operand, rather than
/// computing its address.
pub(super) fn uses_memory(instruction: &Instruction) -> bool {
    instruction.mnemonic() != Mnemonic::Lea
        && instruction.mnemonic() != Mnemonic::Nop
        && has_memory(instruction)
}

/// Returns whether it has a memory operand that is written out.
pub(super) fn has_memory(instruction: &Instruction) -> bool {
    (0..instruction.op_count()).any(|operand| instruction.op_kind(operand) == OpKind::Memory)
}

/// Returns whether the register is a part of the memory operand that is written out.
pub(super) fn uses_operand(instruction: &Instruction, register: Register) -> bool {
    has_memory(instruction)
        && (instruction.memory_base().full_register() == register
            || instruction.memory_index().full_register() == register)
}

pub(super) fn writes(access: OpAccess) -> bool {
    matches!(
        access,
        OpAccess::Write | OpAccess::CondWrite | OpAccess::ReadWrite | OpAccess::ReadCondWrite
    )
}

pub(super) fn reads(access: OpAccess) -> bool {
    matches!(
        access,
        OpAccess::Read | OpAccess::CondRead | OpAccess::ReadWrite | OpAccess::ReadCondWrite
    )
}

pub(super) fn changes(access: OpAccess) -> bool {
    !matches!(
        access,
        OpAccess::Read | OpAccess::CondRead | OpAccess::None | OpAccess::NoMemAccess
    )
}

pub(super) fn is_system_call(instruction: &Instruction) -> bool {
    matches!(instruction.code(), Code::Syscall | Code::Sysenter)
        || instruction.code() == Code::Int_imm8 && instruction.immediate8() == 0x80
}
