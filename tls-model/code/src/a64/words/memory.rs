//! Loads and stores.

use super::shape::{
    Action, Index, Memory, Moves, Op, Register, Word, bits, or_stack, register, signed,
};

/// Loads and stores.
pub(super) fn memory(word: u32) -> Word {
    let vector = bits(word, 26, 1) == 1;
    match (bits(word, 28, 2), bits(word, 24, 1)) {
        (0b00, 0) if !vector => exclusive(word),
        (0b00, _) if vector && word >> 31 == 0 => structures(word),
        // a word beside the code, or a hint
        (0b01, 0) => {
            let to = (!vector).then(|| register(word, 0));
            Word::new(Op::Other, [], to.filter(|_| word >> 30 != 3))
        }
        (0b01, _) if !vector && word & 0x20_0c00 == 0 => {
            single(word, signed(word, 12, 9), None, Moves::Not)
        }
        (0b10, _) => pair(word),
        (0b11, 1) => {
            let offset = i64::from(bits(word, 10, 12)) << scale(word);
            single(word, offset, None, Moves::Not)
        }
        (0b11, _) if bits(word, 21, 1) == 0 => {
            let by = signed(word, 12, 9);
            match bits(word, 10, 2) {
                0b01 => single(word, 0, None, Moves::By(by)),
                0b11 => single(word, by, None, Moves::By(by)),
                _ => single(word, by, None, Moves::Not),
            }
        }
        (0b11, _) if bits(word, 10, 2) == 0b10 => {
            let index = Index {
                register: register(word, 16),
                plain: bits(word, 13, 3) & 3 == 3 && bits(word, 12, 1) == 0,
            };
            single(word, 0, Some(index), Moves::Not)
        }
        (0b11, _) if bits(word, 10, 2) == 0 && !vector => atomic(word),
        _ => Word::strange(word),
    }
}

/// Returns by how much the address of a plain load or store is scaled.
fn scale(word: u32) -> u32 {
    let is_wide = bits(word, 26, 1) == 1 && bits(word, 23, 1) == 1;
    if is_wide { 4 } else { word >> 30 }
}

fn access(base: Register, offset: i64, size: u64, action: Action) -> Memory {
    Memory {
        base: or_stack(base),
        index: None,
        offset,
        moves: Moves::Not,
        size,
        action,
        whole: [None; 2],
    }
}

/// One register, loaded or stored.
fn single(word: u32, offset: i64, index: Option<Index>, moves: Moves) -> Word {
    let vector = bits(word, 26, 1) == 1;
    let opcode = bits(word, 22, 2);
    let size = word >> 30;
    if !vector && size == 3 && opcode == 2 {
        // a hint
        return Word::new(Op::Other, [], []);
    }
    let loads = if vector { opcode & 1 == 1 } else { opcode != 0 };
    let (register, base) = (register(word, 0), register(word, 5));
    let action = if loads { Action::Load } else { Action::Store };
    let mut memory = access(base, offset, 1 << scale(word), action);
    memory.index = index;
    memory.moves = moves;
    if !vector && size == 3 {
        memory.whole[0] = Some(register);
    }
    let register = Some(register).filter(|_| !vector);
    if loads {
        Word::new(Op::Memory(memory), [], register)
    } else {
        Word::new(Op::Memory(memory), register, [])
    }
}

/// Two registers, loaded or stored.
fn pair(word: u32) -> Word {
    let vector = bits(word, 26, 1) == 1;
    let kind = word >> 30;
    let loads = bits(word, 22, 1) == 1;
    let shift = if vector { 2 + kind } else { 2 + (kind >> 1) };
    let by = signed(word, 15, 7) << shift;
    let (one, other, base) = (register(word, 0), register(word, 10), register(word, 5));
    let (offset, moves) = match bits(word, 23, 2) {
        0b01 => (0, Moves::By(by)),
        0b11 => (by, Moves::By(by)),
        _ => (by, Moves::Not),
    };
    let action = if loads { Action::Load } else { Action::Store };
    let mut memory = access(base, offset, 2 << shift, action);
    memory.moves = moves;
    if !vector && kind == 2 {
        memory.whole = [Some(one), Some(other)];
    }
    let both = [one, other].into_iter().filter(|_| !vector);
    if loads {
        Word::new(Op::Memory(memory), [], both)
    } else {
        Word::new(Op::Memory(memory), both, [])
    }
}

/// Exclusive and ordered accesses, and compare-and-swap.
fn exclusive(word: u32) -> Word {
    let size = 1_u64 << (word >> 30);
    let (status, one) = (register(word, 16), register(word, 0));
    let (other, base) = (register(word, 10), register(word, 5));
    let (is_ordered, loads) = (bits(word, 23, 1) == 1, bits(word, 22, 1) == 1);
    let is_double = bits(word, 21, 1) == 1;
    let whole = |registers: [Option<Register>; 2]| {
        if size == 8 { registers } else { [None; 2] }
    };
    let action = if loads { Action::Load } else { Action::Store };
    match (is_ordered, is_double) {
        (true, true) => {
            let memory = access(base, 0, size, Action::Exchange);
            Word::new(Op::Memory(memory), [status, one], [status])
        }
        (false, true) if word >> 31 == 0 => {
            // of two registers each
            let size = 8 << bits(word, 30, 1);
            let memory = access(base, 0, size, Action::Exchange);
            let pairs = [status, status | 1, one, one | 1];
            Word::new(Op::Memory(memory), pairs, [status, status | 1])
        }
        (_, is_double) => {
            let registers = [Some(one), Some(other).filter(|_| is_double)];
            let size = if is_double { 2 * size } else { size };
            let mut memory = access(base, 0, size, action);
            memory.whole = whole(registers);
            let registers = registers.into_iter().flatten();
            let status = Some(status).filter(|_| !is_ordered);
            if loads {
                Word::new(Op::Memory(memory), [], registers)
            } else {
                Word::new(Op::Memory(memory), registers, status)
            }
        }
    }
}

/// Atomic memory operations.
fn atomic(word: u32) -> Word {
    let (operand, to, base) = (register(word, 16), register(word, 0), register(word, 5));
    let size = 1 << (word >> 30);
    // LDAPR shares their encoding and only loads
    if word & 0x3fff_fc00 == 0x38bf_c000 {
        let mut memory = access(base, 0, size, Action::Load);
        memory.whole[0] = Some(to).filter(|_| size == 8);
        return Word::new(Op::Memory(memory), [], [to]);
    }
    let memory = access(base, 0, size, Action::Change);
    Word::new(Op::Memory(memory), [operand], [to])
}

/// Whole vectors, or single lanes of them.
fn structures(word: u32) -> Word {
    let loads = bits(word, 22, 1) == 1;
    let action = if loads { Action::Load } else { Action::Store };
    let mut memory = access(register(word, 5), 0, 16, action);
    if bits(word, 23, 1) == 1 {
        // by what it loads or stores, or by a register
        memory.moves = Moves::Unknown;
    }
    Word::new(Op::Memory(memory), [], [])
}
