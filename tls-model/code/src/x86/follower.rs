//! One instruction: what it does, and what registers hold behind it.

use iced_x86::{
    FlowControl, Instruction, InstructionInfoFactory, Mnemonic, OpAccess, OpKind, Register,
    UsedRegister,
};
use tls_model::facts::Evidence;

use super::abi::State;
use super::operands::{
    changes, has_memory, is_system_call, reads, reads_otherwise, shown, sum, uses_memory,
    uses_operand, writes,
};
use crate::area::Area;
use crate::effect::{Access, Effect, Store, Target};
use crate::state::Value;

/// Follows registers through code.
pub(crate) struct Follower {
    pub(super) area: Area,
    factory: InstructionInfoFactory,
}

impl Follower {
    pub(crate) fn new(area: &Area) -> Self {
        Self {
            area: *area,
            factory: InstructionInfoFactory::new(),
        }
    }

    /// Returns whether the memory operand is this word of the object.
    pub(super) fn is_word(instruction: &Instruction, address: Option<u64>) -> bool {
        instruction.is_ip_rel_memory_operand()
            && address == Some(instruction.ip_rel_memory_address())
    }

    /// Returns whether the memory operand is the word that the thread pointer leads to:
    /// the thread control block begins with its own address.
    pub(super) fn is_thread_pointer(instruction: &Instruction) -> bool {
        instruction.memory_segment() == Register::FS
            && instruction.memory_base() == Register::None
            && instruction.memory_index() == Register::None
            && instruction.memory_displacement64() == 0
    }

    /// Returns the offset in the area of the memory operand, and how it is known.
    fn offset_in_area(&self, state: &State, instruction: &Instruction) -> Option<(i64, Evidence)> {
        if !uses_memory(instruction) || instruction.is_ip_rel_memory_operand() {
            return None;
        }
        let displacement = instruction.memory_displacement64() as i64;
        let base = instruction.memory_base();
        let through_thread = instruction.memory_segment() == Register::FS;
        let is_constant = base == Register::None && instruction.memory_index() == Register::None;
        let found = if through_thread && is_constant {
            let offset = displacement.wrapping_sub(self.area.offset?);
            (offset, Evidence::Proved)
        } else {
            let start = match instruction.memory_index() {
                Register::None => state.get(base),
                index if instruction.memory_index_scale() == 1 => {
                    sum(state.get(base), state.get(index))
                }
                _ => return None,
            };
            let offset = match (through_thread, start) {
                (true, Value::Offset { at, .. }) | (false, Value::Area(at)) => at,
                (false, Value::Thread(at)) => at.wrapping_sub(self.area.offset?),
                (false, Value::Storage(at)) => at.wrapping_sub(self.area.in_storage?),
                _ => return None,
            };
            (offset.wrapping_add(displacement), Evidence::Likely)
        };
        (-16..32).contains(&found.0).then_some(found)
    }

    /// Returns whether the address that the instruction uses or computes is that of the
    /// area and an index that is not known.
    fn is_indexed(&self, state: &State, instruction: &Instruction) -> bool {
        let index = instruction.memory_index();
        if index == Register::None || !has_memory(instruction) {
            return false;
        }
        let displacement = instruction.memory_displacement64() as i64;
        let base = instruction.memory_base();
        let through_thread =
            instruction.memory_segment() == Register::FS && instruction.mnemonic() != Mnemonic::Lea;
        if through_thread && base == Register::None {
            let offset = self
                .area
                .offset
                .map(|offset| displacement.wrapping_sub(offset));
            return matches!(offset, Some(0..32));
        }
        let values = [base, index].map(|register| state.get(register));
        if sum(values[0], values[1]).is_lead() {
            return false;
        }
        let scale = instruction.memory_index_scale();
        let starts = values
            .into_iter()
            .enumerate()
            .filter(|(at, _)| *at == 0 || scale == 1)
            .map(|(_, value)| self.area.settle(value.moved(displacement)));
        let leads = |value: Value| match value {
            Value::Area(0..32) => !through_thread,
            Value::Offset { at: 0..32, .. } => through_thread,
            _ => false,
        };
        starts.into_iter().any(leads)
    }

    /// Returns whether the instruction by itself leads to the area.
    pub(super) fn leads(&self, instruction: &Instruction) -> bool {
        let state = State::unknown();
        self.offset_in_area(&state, instruction).is_some()
            || self.is_indexed(&state, instruction)
            || self.result(&state, instruction).is_lead()
    }

    /// Returns the effect of an instruction; `state` changes with it. What a call does
    /// to registers is left to the caller.
    pub(super) fn follow(&mut self, state: &mut State, instruction: &Instruction) -> Effect {
        let mut effect = Effect {
            system_call: is_system_call(instruction),
            ..Effect::default()
        };
        if !effect.system_call {
            effect.call = match instruction.flow_control() {
                FlowControl::Call => Some(Target::Address(instruction.near_branch_target())),
                FlowControl::IndirectCall => Some(Target::Unknown),
                _ => None,
            };
        }
        let area = self.offset_in_area(state, instruction);
        effect.access = area.map(|(offset, evidence)| Access {
            offset,
            size: instruction.memory_size().size() as u64,
            evidence,
        });
        effect.store = self.store(area, instruction);
        let result = self.area.settle(self.result(state, instruction));
        effect.formed = matches!(result, Value::Area(0..32))
            && !matches!(instruction.mnemonic(), Mnemonic::Mov | Mnemonic::Pop);
        effect.formed |= self.is_indexed(state, instruction);
        effect.asks = result == Value::Module && instruction.mnemonic() == Mnemonic::Lea;
        effect.lost = self.loses(state, instruction, result);
        effect.lost |= self.change(state, instruction, result);
        effect
    }

    fn store(&mut self, area: Option<(i64, Evidence)>, instruction: &Instruction) -> Option<Store> {
        let info = self.factory.info(instruction);
        let written = info
            .used_memory()
            .iter()
            .find(|memory| writes(memory.access()))?;
        let stack = [Register::RSP, Register::RBP].contains(&written.base().full_register());
        let value = (instruction.op_count() == 2 && instruction.op1_kind() == OpKind::Immediate32)
            .then(|| instruction.immediate32() as i32);
        Some(Store {
            area,
            size: written.memory_size().size() as u64,
            value,
            // compare and exchange stores only what nobody else has changed
            in_place: matches!(
                written.access(),
                OpAccess::ReadWrite | OpAccess::ReadCondWrite
            ) && instruction.mnemonic() != Mnemonic::Cmpxchg,
            private: stack,
        })
    }

    /// Returns whether a pointer to the area goes where it is not followed. Whatever is
    /// not understood does that.
    fn loses(&mut self, state: &mut State, instruction: &Instruction, result: Value) -> bool {
        if shown(instruction).is_some_and(|(base, at)| state.show(base, at))
            || reads_otherwise(state, instruction)
        {
            return true;
        }
        let is_lea = instruction.mnemonic() == Mnemonic::Lea;
        if self.is_indexed(state, instruction) {
            let info = self.factory.info(instruction);
            let mut memory = info.used_memory().iter();
            return is_lea || memory.any(|memory| writes(memory.access()));
        }
        if !state.has_pointer() {
            return false;
        }
        let info = self.factory.info(instruction);
        let is_written = info
            .used_memory()
            .iter()
            .any(|memory| writes(memory.access()));
        let has_index = instruction.memory_index() != Register::None;
        let base = instruction.memory_base();
        let is_plain = |used: &UsedRegister| {
            let register = used.register();
            if !reads(used.access()) || !register.is_gpr64() || !state.get(register).is_pointer() {
                return true;
            }
            let as_operand = (0..instruction.op_count()).any(|operand| {
                instruction.op_kind(operand) == OpKind::Register
                    && instruction.op_register(operand).full_register() == register
                    && !(operand == 0 && instruction.mnemonic() == Mnemonic::Mov)
            });
            if as_operand {
                return match instruction.mnemonic() {
                    Mnemonic::Cmp | Mnemonic::Test | Mnemonic::Push => true,
                    Mnemonic::Mov if instruction.op0_kind() == OpKind::Memory => {
                        // a slot of the frame is followed, see `change`
                        !has_index
                            && instruction.memory_segment() != Register::FS
                            && [Register::RSP, Register::RBP].contains(&base)
                            && instruction.memory_size().size() == 8
                    }
                    Mnemonic::Mov => instruction.op0_register().is_gpr64(),
                    _ => result.is_lead(),
                };
            }
            // it is the address
            uses_operand(instruction, register)
                && if is_lea {
                    result.is_lead()
                } else {
                    !(has_index && is_written)
                }
        };
        !info.used_registers().iter().all(is_plain)
    }

    /// Carries the state over an instruction; returns whether a pointer to the area was
    /// lost.
    fn change(&mut self, state: &mut State, instruction: &Instruction, result: Value) -> bool {
        let mut lost = self.change_frame(state, instruction);
        let to_slot = instruction.mnemonic() == Mnemonic::Mov
            && instruction.op0_kind() == OpKind::Memory
            && instruction.memory_index() == Register::None
            && instruction.memory_segment() != Register::FS;
        if to_slot {
            let value = if instruction.op1_kind() == OpKind::Register
                && instruction.op1_register().is_gpr64()
            {
                state.get(instruction.op1_register())
            } else {
                Value::Unknown
            };
            let kept = state.store(
                instruction.memory_base(),
                instruction.memory_displacement64() as i64,
                value,
            );
            lost |= value.is_pointer() && !kept;
        }
        let info = self.factory.info(instruction);
        for used in info.used_registers() {
            let is_stack = used.register().full_register() == Register::RSP;
            if changes(used.access()) && !is_stack {
                state.set(used.register(), Value::Unknown);
            }
        }
        if result != Value::Unknown {
            state.set(instruction.op0_register(), result);
        }
        lost
    }

    /// Follows what an instruction does to the stack and frame pointers.
    fn change_frame(&mut self, state: &mut State, instruction: &Instruction) -> bool {
        let to = |register: Register| {
            instruction.op_count() > 0
                && instruction.op0_kind() == OpKind::Register
                && instruction.op0_register().full_register() == register
        };
        match instruction.mnemonic() {
            Mnemonic::Call => false,
            Mnemonic::Push => {
                let value = if instruction.op0_kind() == OpKind::Register {
                    state.get(instruction.op0_register())
                } else {
                    Value::Unknown
                };
                state.move_stack(i64::from(instruction.stack_pointer_increment()));
                let kept = state.store(Register::RSP, 0, value);
                value.is_pointer() && !kept
            }
            Mnemonic::Pop => {
                let value = state.load(Register::RSP, 0);
                if to(Register::RBP) {
                    // the frame is over, and what was in it
                    state.lose_frame();
                }
                state.move_stack(i64::from(instruction.stack_pointer_increment()));
                value.is_pointer() && instruction.op0_kind() != OpKind::Register
            }
            Mnemonic::Leave => {
                state.end_frame();
                state.move_stack(8);
                state.lose_frame();
                false
            }
            Mnemonic::Mov
                if to(Register::RBP)
                    && instruction.op1_kind() == OpKind::Register
                    && instruction.op1_register() == Register::RSP =>
            {
                state.start_frame(0);
                false
            }
            Mnemonic::Add | Mnemonic::Sub if to(Register::RSP) => {
                match instruction.try_immediate(1) {
                    Ok(by) if instruction.mnemonic() == Mnemonic::Add => {
                        state.move_stack(by as i64);
                        false
                    }
                    Ok(by) => {
                        state.move_stack((by as i64).wrapping_neg());
                        false
                    }
                    Err(_) => state.lose_stack(),
                }
            }
            _ => {
                let info = self.factory.info(instruction);
                let changed = |register: Register| {
                    info.used_registers().iter().any(|used| {
                        used.register().full_register() == register && changes(used.access())
                    })
                };
                let stack = changed(Register::RSP) && instruction.stack_pointer_increment() == 0;
                if !stack && instruction.stack_pointer_increment() != 0 {
                    state.move_stack(i64::from(instruction.stack_pointer_increment()));
                }
                let lost = changed(Register::RBP) && state.lose_frame();
                lost || stack && state.lose_stack()
            }
        }
    }
}
