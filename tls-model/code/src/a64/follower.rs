//! One instruction: what it does, and what registers hold behind it.

use tls_model::facts::Evidence;
use tls_model::rseq::arch;

use super::abi::{FRAME, State};
use super::words::{Action, MRS_TPIDR, Memory, Moves, Op, Register, STACK, Word, ZERO};
use crate::area::{Area, BEFORE_AREA};
use crate::effect::{Access, Effect, Store, Target};
use crate::state::Value;

/// `__NR_rseq`.
const RSEQ: i64 = arch::AARCH64.syscall as i64;

/// Bytes that `adrp` leads to.
const PAGE: u64 = 1 << 12;

/// Follows registers through code.
pub(crate) struct Follower {
    area: Area,
}

impl Follower {
    pub(super) fn new(area: &Area) -> Self {
        Self { area: *area }
    }

    /// Returns the addresses of words that lead to the area.
    fn words(&self) -> impl Iterator<Item = u64> {
        let area = &self.area;
        [area.slot, area.module, area.descriptor]
            .into_iter()
            .flatten()
    }

    /// Returns whether a word, by itself or with what stands before it, leads to the area.
    pub(super) fn may_lead(&self, word: u32) -> bool {
        let inside = |address: Option<u64>| address.map(|address| address % PAGE);
        let constant = u64::from(word >> 10 & 0xfff);
        match word >> 22 {
            // ldr xN, [xM, #constant]
            0x3e5 => inside(self.area.slot) == Some(constant << 3),
            // add xN, xM, #constant
            0x244 => {
                inside(self.area.module) == Some(constant)
                    || inside(self.area.descriptor) == Some(constant)
            }
            _ => word & !31 == MRS_TPIDR,
        }
    }

    /// Returns what an instruction does; `state` changes with it. What a call does
    /// to registers is left to the caller.
    pub(super) fn follow(&self, state: &mut State, word: &Word) -> Effect {
        let memory = match &word.op {
            Op::Memory(memory) => Some(memory),
            _ => None,
        };
        let area = memory.and_then(|memory| self.offset_in_area(state, memory));
        let result = self.area.settle(self.result(state, word));
        let is_indexed = memory.is_some_and(|memory| self.is_indexed(state, memory));
        let mut effect = Effect {
            system_call: word.op == Op::SystemCall,
            call: match word.op {
                Op::Call(Some(target)) => Some(Target::Address(target)),
                Op::Call(None) => Some(Target::Unknown),
                _ => None,
            },
            access: area.zip(memory).map(|(offset, memory)| Access {
                offset,
                size: memory.size,
                evidence: Evidence::Likely,
            }),
            store: memory
                .filter(|memory| memory.action.stores())
                .map(|memory| store(state, area, memory, word)),
            asks: result == Value::Module,
            ..Effect::default()
        };
        let is_copy = matches!(word.op, Op::Move { .. } | Op::Memory(_));
        effect.formed = is_indexed || matches!(result, Value::Area(0..32)) && !is_copy;
        effect.adds_offset = adds_offset(state, word);
        effect.lost = is_indexed && memory.is_some_and(|memory| memory.action.stores())
            || !effect.adds_offset && loses(state, word, result);
        effect.lost |= self.change(state, word, result);
        effect
    }

    /// Returns the offset in the area of a load or store.
    fn offset_in_area(&self, state: &State, memory: &Memory) -> Option<i64> {
        let start = match memory.index {
            None => state.get(memory.base),
            Some(index) if index.plain => sum(state.get(memory.base), state.get(index.register)),
            Some(_) => return None,
        };
        match self.area.settle(start.moved(memory.offset)) {
            Value::Area(inside) => {
                Some(inside).filter(|inside| (-BEFORE_AREA..32).contains(inside))
            }
            _ => None,
        }
    }

    /// Returns whether a load or store uses the address of the area and an index that
    /// is not known.
    fn is_indexed(&self, state: &State, memory: &Memory) -> bool {
        let Some(index) = memory.index else {
            return false;
        };
        let values = [state.get(memory.base), state.get(index.register)];
        if index.plain && sum(values[0], values[1]) != Value::Unknown {
            return false;
        }
        values
            .into_iter()
            .enumerate()
            .filter(|(at, _)| *at == 0 || index.plain)
            .any(|(_, value)| matches!(self.area.settle(value), Value::Area(0..32)))
    }

    /// Returns what the first register that is written holds behind the instruction.
    fn result(&self, state: &State, word: &Word) -> Value {
        match word.op {
            Op::ThreadPointer(_) => Value::Thread(0),
            Op::Page(_, address) => self.page(address),
            Op::Constant(_, RSEQ) => Value::RseqNumber,
            Op::Constant(_, value) => Value::Constant(value),
            Op::Keep(to, mask, value) => match state.get(to) {
                Value::Constant(before) => Value::Constant(before & mask | value),
                _ => Value::Unknown,
            },
            Op::Add { from, by, .. } => match state.get(from) {
                Value::Page(at) => self.page(at.wrapping_add_signed(by)),
                value => value.moved(by),
            },
            Op::Sum { one, other, .. } => sum(state.get(one), state.get(other)),
            Op::Move { from, .. } => state.get(from),
            Op::Memory(memory) if memory.action == Action::Load => match memory.whole[0] {
                Some(_) => self.loaded(state, &memory),
                None => Value::Unknown,
            },
            _ => Value::Unknown,
        }
    }

    /// Returns what an address in the object is: a word that is looked for, or on its page.
    fn page(&self, address: u64) -> Value {
        if self.area.module == Some(address) {
            Value::Module
        } else if self.area.descriptor == Some(address) {
            Value::Descriptor
        } else if self.words().any(|word| word & !(PAGE - 1) == address)
            || self.area.slot == Some(address)
        {
            Value::Page(address)
        } else {
            Value::Unknown
        }
    }

    fn loaded(&self, state: &State, memory: &Memory) -> Value {
        if memory.index.is_some() {
            return Value::Unknown;
        }
        match state.get(memory.base) {
            Value::Page(at) if self.area.slot == Some(at.wrapping_add_signed(memory.offset)) => {
                Value::Offset { at: 0, sure: true }
            }
            _ => state.load(memory.base, memory.offset),
        }
    }

    /// Carries the state over an instruction; returns whether a pointer to the area was
    /// lost.
    fn change(&self, state: &mut State, word: &Word, result: Value) -> bool {
        let mut lost = false;
        let mut second = None;
        if let Op::Memory(memory) = &word.op {
            if memory.action == Action::Load {
                let other = Memory {
                    offset: memory.offset.wrapping_add(8),
                    ..*memory
                };
                second = memory.whole[1].map(|to| (to, self.loaded(state, &other)));
            } else if memory.index.is_none() {
                lost |= put(state, memory);
            }
            lost |= moved(state, memory);
        }
        let is_frame_kept = word.op
            == Op::Add {
                to: FRAME,
                from: FRAME,
                by: 0,
            };
        for register in word.writes.iter() {
            if register == FRAME && !is_frame_kept {
                lost |= state.lose_frame();
            }
            state.set(register, Value::Unknown);
        }
        match word.op {
            Op::Add {
                to: STACK,
                from: STACK,
                by,
            } => state.move_stack(by),
            Op::Add {
                to: STACK,
                from: FRAME,
                by,
            } => {
                state.end_frame();
                state.move_stack(by);
            }
            Op::Add { to: STACK, .. } | Op::StackPointer => lost |= state.lose_stack(),
            Op::Add {
                to: FRAME,
                from: STACK,
                by,
            } => state.start_frame(by),
            _ => {
                if let Some(to) = destination(word) {
                    state.set(to, result);
                }
                if let Some((to, value)) = second {
                    state.set(to, value);
                }
            }
        }
        lost
    }
}

/// Returns the register that [`Follower::result`] is about.
fn destination(word: &Word) -> Option<Register> {
    match word.op {
        Op::ThreadPointer(to)
        | Op::Page(to, _)
        | Op::Constant(to, _)
        | Op::Keep(to, ..)
        | Op::Add { to, .. }
        | Op::Sum { to, .. }
        | Op::Move { to, .. } => Some(to),
        Op::Memory(memory) if memory.action == Action::Load => memory.whole[0],
        _ => None,
    }
}

fn sum(one: Value, other: Value) -> Value {
    match (one, other) {
        (Value::Thread(0), Value::Offset { at, .. })
        | (Value::Offset { at, .. }, Value::Thread(0)) => Value::Area(at),
        (Value::Thread(at), Value::Constant(by)) | (Value::Constant(by), Value::Thread(at)) => {
            Value::Thread(at.wrapping_add(by))
        }
        _ => Value::Unknown,
    }
}

fn store(state: &State, area: Option<i64>, memory: &Memory, word: &Word) -> Store {
    let mut registers = word.reads.iter();
    let value = match (registers.next(), registers.next()) {
        // nothing but the zero register
        (None, None) if memory.size <= 8 => Some(0),
        (Some(register), None) => match state.get(register) {
            Value::Constant(value) => Some(value as i32),
            _ => None,
        },
        _ => None,
    };
    Store {
        area: area.map(|offset| (offset, Evidence::Likely)),
        size: memory.size,
        value,
        in_place: memory.action == Action::Change,
        private: [STACK, FRAME].contains(&memory.base),
    }
}

/// Puts what a store writes into the frame; returns whether a pointer to the area
/// goes where it is not followed.
fn put(state: &mut State, memory: &Memory) -> bool {
    let mut lost = false;
    let step = if memory.whole[0].is_some() { 8 } else { 4 };
    let mut at = 0;
    while at < memory.size as i64 {
        let register = memory.whole.get((at / 8) as usize).copied().flatten();
        let value = register.map_or(Value::Unknown, |register| state.get(register));
        let kept = state.store(memory.base, memory.offset.wrapping_add(at), value);
        lost |= value.is_pointer() && !kept;
        at += step;
    }
    lost
}

/// Moves the base of a load or store that does so; returns whether a pointer to the
/// area was lost.
fn moved(state: &mut State, memory: &Memory) -> bool {
    let (base, by) = match (memory.base, memory.moves) {
        (_, Moves::Not) => return false,
        (STACK, Moves::By(by)) => {
            state.move_stack(by);
            return false;
        }
        (STACK, Moves::Unknown) => return state.lose_stack(),
        (base, Moves::By(by)) => (base, Some(by)),
        (base, Moves::Unknown) => (base, None),
    };
    let value = state.get(base);
    let after = by.map_or(Value::Unknown, |by| value.moved(by));
    let lost = base == FRAME && state.lose_frame();
    state.set(base, after);
    lost || value.is_pointer() && !after.is_lead()
}

/// Returns whether the area's offset is added to something that is not known.
fn adds_offset(state: &State, word: &Word) -> bool {
    let Op::Sum { one, other, .. } = word.op else {
        return false;
    };
    let is_offset = |register| matches!(state.get(register), Value::Offset { .. });
    let is_unknown = |register| register != ZERO && state.get(register) == Value::Unknown;
    is_offset(one) && is_unknown(other) || is_unknown(one) && is_offset(other)
}

/// Returns whether a pointer to the area goes where it is not followed. Whatever is
/// not understood does that.
fn loses(state: &mut State, word: &Word, result: Value) -> bool {
    if shown(word).is_some_and(|(base, at)| state.show(base, at)) {
        return true;
    }
    if let Op::Memory(memory) = &word.op
        && memory.action != Action::Store
        && memory.index.is_none()
        && memory.whole[0].is_none()
        && state.overlaps_pointer(memory.base, memory.offset, memory.size as i64)
    {
        // read by something that does not put it into a general register
        return true;
    }
    if !state.has_pointer() {
        return false;
    }
    let is_followed = match &word.op {
        // a jump loses all that it has, which is seen elsewhere
        Op::Compare | Op::Branch(_) | Op::JumpTo => true,
        // a slot of the frame is followed, see `put`
        Op::Memory(memory) => {
            memory.action == Action::Store
                && memory.index.is_none()
                && memory.whole[0].is_some()
                && [STACK, FRAME].contains(&memory.base)
        }
        _ => result.is_lead(),
    };
    if is_followed {
        return false;
    }
    let as_index = match &word.op {
        // added to a base that is not known
        Op::Memory(memory) => memory
            .index
            .is_some_and(|index| state.get(index.register).is_pointer() && memory.action.stores()),
        _ => false,
    };
    as_index || word.reads.iter().any(|it| state.get(it).is_pointer())
}

/// Returns the place of the frame whose address the instruction makes: base and
/// displacement.
fn shown(word: &Word) -> Option<(Register, i64)> {
    match word.op {
        Op::Add { to, from, by } if [STACK, FRAME].contains(&from) => {
            (![STACK, FRAME].contains(&to)).then_some((from, by))
        }
        Op::Sum { one, other, .. } if [one, other].contains(&FRAME) => Some((FRAME, 0)),
        Op::Move { to, from: FRAME } if to != ZERO => Some((FRAME, 0)),
        _ => None,
    }
}
