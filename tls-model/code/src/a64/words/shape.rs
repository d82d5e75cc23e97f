//! What an instruction can be.

/// A register number: 0 to 30; [`ZERO`] and [`STACK`] are what 31 stands for.
pub(in crate::a64) type Register = u8;

pub(in crate::a64) const ZERO: Register = 31;
pub(in crate::a64) const STACK: Register = 32;

/// General registers, one bit each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::a64) struct Registers(u32);

impl Registers {
    fn of(registers: impl IntoIterator<Item = Register>) -> Self {
        let mut bits = 0;
        for register in registers {
            if register < ZERO {
                bits |= 1 << register;
            }
        }
        Self(bits)
    }

    pub(in crate::a64) fn iter(self) -> impl Iterator<Item = Register> {
        (0..ZERO).filter(move |register| self.0 >> register & 1 != 0)
    }
}

/// One instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::a64) struct Word {
    pub(in crate::a64) op: Op,
    /// Registers that are read for what they hold, not as an address.
    pub(in crate::a64) reads: Registers,
    /// Registers that are written, but for those that move with an address.
    pub(in crate::a64) writes: Registers,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::a64) enum Op {
    /// The thread pointer goes to a register.
    ThreadPointer(Register),
    /// The address of a page does, or of a place near.
    Page(Register, u64),
    /// A constant does.
    Constant(Register, i64),
    /// 16 bits of a register become these: mask and value.
    Keep(Register, i64, i64),
    /// `to = from + by`, 64 bits.
    Add {
        to: Register,
        from: Register,
        by: i64,
    },
    /// `to = one + other`, 64 bits, unshifted.
    Sum {
        to: Register,
        one: Register,
        other: Register,
    },
    /// `to = from`, 64 bits.
    Move {
        to: Register,
        from: Register,
    },
    /// The stack pointer is something else.
    StackPointer,
    /// What is read is only compared.
    Compare,
    Memory(Memory),
    SystemCall,
    /// A call: of an address, or of what a register holds.
    Call(Option<u64>),
    Jump(u64),
    /// Reads a register only to compare it.
    Branch(u64),
    JumpTo,
    Return,
    Trap,
    /// Something else with registers.
    Other,
    /// Not known here: it may do anything with the registers it names.
    Strange,
}

/// A load, a store, or both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::a64) struct Memory {
    pub(in crate::a64) base: Register,
    /// A register that is added to the base.
    pub(in crate::a64) index: Option<Index>,
    /// Bytes from the base to the first byte.
    pub(in crate::a64) offset: i64,
    pub(in crate::a64) moves: Moves,
    /// Bytes in all.
    pub(in crate::a64) size: u64,
    pub(in crate::a64) action: Action,
    /// General registers of 64 bits that are loaded or stored as they are, in order.
    pub(in crate::a64) whole: [Option<Register>; 2],
}

/// How the base of a load or store moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::a64) enum Moves {
    Not,
    /// By this many bytes.
    By(i64),
    /// By what only the running program knows.
    Unknown,
}

/// A register that is added to the base.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::a64) struct Index {
    pub(in crate::a64) register: Register,
    /// As it is: neither shifted nor cut.
    pub(in crate::a64) plain: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::a64) enum Action {
    Load,
    Store,
    /// It changes what was there.
    Change,
    /// It stores only what nobody else has changed.
    Exchange,
}

impl Action {
    pub(in crate::a64) fn stores(self) -> bool {
        self != Self::Load
    }
}

/// Returns the bits from `low` on, `count` of them.
pub(super) fn bits(word: u32, low: u32, count: u32) -> u32 {
    word >> low & ((1 << count) - 1)
}

/// Returns the same with their sign.
pub(super) fn signed(word: u32, low: u32, count: u32) -> i64 {
    let value = i64::from(bits(word, low, count));
    value << (64 - count) >> (64 - count)
}

pub(super) fn register(word: u32, low: u32) -> Register {
    bits(word, low, 5) as Register
}

pub(super) fn or_stack(register: Register) -> Register {
    if register == ZERO { STACK } else { register }
}

impl Word {
    pub(super) fn new(
        op: Op,
        reads: impl IntoIterator<Item = Register>,
        writes: impl IntoIterator<Item = Register>,
    ) -> Self {
        Self {
            op,
            reads: Registers::of(reads),
            writes: Registers::of(writes),
        }
    }

    pub(super) fn strange(word: u32) -> Self {
        let to = register(word, 0);
        Self::new(
            Op::Strange,
            [to, register(word, 5), register(word, 16)],
            [to, register(word, 5)],
        )
    }
}
