//! x86-64: what instructions do, and registers that lead to the area.

use iced_x86::{
    Code, Decoder, DecoderOptions, FlowControl, Instruction, InstructionInfoFactory, Mnemonic,
    OpAccess, OpKind, Register,
};
use tls_model::facts::Evidence;

use crate::area::Area;
use crate::search::Lead;
use crate::section::{Effect, End, Store, Target};

/// What a register is known to hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Value {
    #[default]
    Unknown,
    /// The thread pointer and so many bytes.
    Thread(i64),
    /// The area's offset from the thread pointer and so many bytes.
    Offset(i64),
    /// The area's address and so many bytes.
    Area(i64),
}

/// Follows registers through straight code.
pub(crate) struct Follower {
    area: Area,
    registers: [Value; 16],
    factory: InstructionInfoFactory,
}

impl Follower {
    pub(crate) fn new(area: &Area) -> Self {
        Self {
            area: *area,
            registers: [Value::Unknown; 16],
            factory: InstructionInfoFactory::new(),
        }
    }

    /// Forgets everything.
    pub(crate) fn forget(&mut self) {
        self.registers = [Value::Unknown; 16];
    }

    fn get(&self, register: Register) -> Value {
        index(register)
            .and_then(|index| self.registers.get(index))
            .copied()
            .unwrap_or_default()
    }

    /// What a register holds, with an address of a program's own area
    /// recognised.
    fn settle(&self, value: Value) -> Value {
        match (value, self.area.offset) {
            (Value::Thread(at), Some(offset)) => match at.wrapping_sub(offset) {
                inside @ -16..32 => Value::Area(inside),
                _ => value,
            },
            _ => value,
        }
    }

    /// Whether the memory operand is the word with the area's offset.
    fn is_slot(&self, instruction: &Instruction) -> bool {
        instruction.is_ip_rel_memory_operand()
            && self.area.slot == Some(instruction.ip_rel_memory_address())
    }

    /// Offset in the area of the memory operand, and how it is known.
    pub(crate) fn offset_in_area(&self, instruction: &Instruction) -> Option<(i64, Evidence)> {
        if instruction.mnemonic() == Mnemonic::Lea
            || instruction.memory_index() != Register::None
            || instruction.is_ip_rel_memory_operand()
        {
            return None;
        }
        let displacement = instruction.memory_displacement64() as i64;
        let base = instruction.memory_base();
        let through_thread = instruction.memory_segment() == Register::FS;
        let found = if through_thread && base == Register::None {
            let offset = displacement.wrapping_sub(self.area.offset?);
            (offset, Evidence::Proved)
        } else {
            let offset = match (through_thread, self.get(base)) {
                (true, Value::Offset(at)) | (false, Value::Area(at)) => at,
                (false, Value::Thread(at)) => at.wrapping_sub(self.area.offset?),
                _ => return None,
            };
            (offset.wrapping_add(displacement), Evidence::Likely)
        };
        (-16..32).contains(&found.0).then_some(found)
    }

    /// What the instruction does for a search that knows nothing else.
    pub(crate) fn lead(&self, instruction: &Instruction) -> Option<Lead> {
        let has_memory = (0..instruction.op_count())
            .any(|operand| instruction.op_kind(operand) == OpKind::Memory);
        if let Some((offset, _)) = self.offset_in_area(instruction).filter(|_| has_memory) {
            return (-16..32).contains(&offset).then_some(Lead::Access);
        }
        (self.result(instruction) != Value::Unknown).then_some(Lead::Address)
    }

    /// The effect of an instruction; registers change with it.
    pub(crate) fn step(&mut self, instruction: &Instruction) -> Effect {
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
        effect.store = self.store(instruction);
        self.follow(instruction);
        effect
    }

    fn store(&mut self, instruction: &Instruction) -> Option<Store> {
        let area = self.offset_in_area(instruction);
        let info = self.factory.info(instruction);
        let written = info.used_memory().iter().find(|memory| {
            matches!(
                memory.access(),
                OpAccess::Write
                    | OpAccess::CondWrite
                    | OpAccess::ReadWrite
                    | OpAccess::ReadCondWrite
            )
        })?;
        let stack = [Register::RSP, Register::RBP].contains(&written.base().full_register());
        let explicit = (0..instruction.op_count())
            .any(|operand| instruction.op_kind(operand) == OpKind::Memory);
        let value = (instruction.op_count() == 2 && instruction.op1_kind() == OpKind::Immediate32)
            .then(|| instruction.immediate32() as i32);
        Some(Store {
            area: area.filter(|_| explicit),
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

    /// Carries what registers hold over an instruction.
    fn follow(&mut self, instruction: &Instruction) {
        let result = self.settle(self.result(instruction));
        let info = self.factory.info(instruction);
        let changed = info.used_registers().iter().filter(|used| {
            !matches!(
                used.access(),
                OpAccess::Read | OpAccess::CondRead | OpAccess::None
            )
        });
        for used in changed {
            if let Some(slot) =
                index(used.register()).and_then(|index| self.registers.get_mut(index))
            {
                *slot = Value::Unknown;
            }
        }
        if matches!(
            instruction.flow_control(),
            FlowControl::Call | FlowControl::IndirectCall
        ) {
            self.forget();
        }
        if result != Value::Unknown
            && let Some(slot) =
                index(instruction.op0_register()).and_then(|index| self.registers.get_mut(index))
        {
            *slot = result;
        }
    }

    /// What the first operand holds behind the instruction.
    fn result(&self, instruction: &Instruction) -> Value {
        if instruction.op_count() != 2
            || instruction.op0_kind() != OpKind::Register
            || !instruction.op0_register().is_gpr64()
        {
            return Value::Unknown;
        }
        let own = self.get(instruction.op0_register());
        let source = instruction.op1_kind();
        match instruction.mnemonic() {
            Mnemonic::Mov if source == OpKind::Register => self.get(instruction.op1_register()),
            Mnemonic::Mov if source == OpKind::Memory => self.loaded(instruction),
            Mnemonic::Mov => self.constant(instruction),
            Mnemonic::Add if source == OpKind::Memory && self.is_slot(instruction) => {
                // nothing else than the thread pointer is added to an offset
                Value::Area(0)
            }
            Mnemonic::Add if source == OpKind::Register => {
                match (own, self.get(instruction.op1_register())) {
                    (Value::Thread(0), Value::Offset(at))
                    | (Value::Offset(at), Value::Thread(0)) => Value::Area(at),
                    _ => Value::Unknown,
                }
            }
            Mnemonic::Add => instruction
                .try_immediate(1)
                .map_or(Value::Unknown, |more| moved(own, more as i64)),
            Mnemonic::Lea
                if instruction.memory_index() == Register::None
                    && !instruction.is_ip_rel_memory_operand() =>
            {
                moved(
                    self.get(instruction.memory_base()),
                    instruction.memory_displacement64() as i64,
                )
            }
            _ => Value::Unknown,
        }
    }

    /// A constant that may be the area's offset: what it is used for tells.
    fn constant(&self, instruction: &Instruction) -> Value {
        let (Some(offset), Ok(value)) = (self.area.offset, instruction.try_immediate(1)) else {
            return Value::Unknown;
        };
        match (value as i64).wrapping_sub(offset) {
            inside @ -16..32 => Value::Offset(inside),
            _ => Value::Unknown,
        }
    }

    fn loaded(&self, instruction: &Instruction) -> Value {
        if self.is_slot(instruction) {
            Value::Offset(0)
        } else if instruction.memory_segment() == Register::FS
            && instruction.memory_base() == Register::None
            && instruction.memory_index() == Register::None
            && instruction.memory_displacement64() == 0
        {
            // the thread control block begins with its own address
            Value::Thread(0)
        } else {
            Value::Unknown
        }
    }
}

fn moved(value: Value, by: i64) -> Value {
    match value {
        Value::Unknown => Value::Unknown,
        Value::Thread(at) => Value::Thread(at.wrapping_add(by)),
        Value::Offset(at) => Value::Offset(at.wrapping_add(by)),
        Value::Area(at) => Value::Area(at.wrapping_add(by)),
    }
}

fn index(register: Register) -> Option<usize> {
    let full = register.full_register();
    (register.is_gpr() && full.is_gpr64()).then(|| full.number())
}

fn is_system_call(instruction: &Instruction) -> bool {
    matches!(instruction.code(), Code::Syscall | Code::Sysenter)
        || instruction.code() == Code::Int_imm8 && instruction.immediate8() == 0x80
}

/// A decoder for code at `address`.
pub(crate) fn decoder(code: &[u8], address: u64) -> Decoder<'_> {
    Decoder::with_ip(64, code, address, DecoderOptions::NONE)
}

/// Walks code from its first byte on.
pub(crate) fn walk(
    code: &[u8],
    address: u64,
    area: &Area,
    mut see: impl FnMut(u64, Effect),
) -> End {
    let mut decoder = decoder(code, address);
    let mut follower = Follower::new(area);
    let mut instruction = Instruction::default();
    let mut end = End::default();
    while decoder.can_decode() {
        let start = decoder.position() as u64;
        decoder.decode_out(&mut instruction);
        if instruction.is_invalid() {
            break;
        }
        see(instruction.ip(), follower.step(&instruction));
        end = End {
            bytes: decoder.position() as u64,
            last: start,
        };
    }
    end
}
