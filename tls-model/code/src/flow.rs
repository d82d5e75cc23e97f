//! Following code from one instruction over jumps and calls, for as long as
//! something in registers or in the frame may lead to the area.

use std::collections::{HashMap, HashSet};

use crate::area::Area;
use crate::code::Code;
use crate::effect::{Effect, Target};
use crate::hits::Hits;
use crate::state::{Abi, State, Value};

/// A machine whose code can be followed.
pub(crate) trait Isa {
    /// Its registers.
    type Abi: Abi;

    /// Bytes of its longest instruction.
    const LONGEST: usize;

    /// Returns what follows registers to this area.
    fn new(area: &Area) -> Self;

    /// Calls `found` with the address of each instruction of a piece that leads to the
    /// area, or may do so with what stands before it.
    fn scan(piece: &Piece<'_>, area: &Area, found: impl FnMut(u64));

    /// Returns what the first instruction of `bytes` does; `state` changes with it, but
    /// for what a call does to registers. None where it is no instruction.
    fn step(&mut self, state: &mut State<Self::Abi>, bytes: &[u8], address: u64) -> Option<Step>;

    /// Returns what is known where following begins at `start`: what instructions in a
    /// straight line before it leave in registers, but no pointer to the area.
    fn before(&mut self, start: u64, code: &mut impl Code) -> State<Self::Abi>;
}

/// A piece of code, and the positions in it that are its own; the other bytes
/// are there to be seen.
pub(crate) struct Piece<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) address: u64,
    pub(crate) from: usize,
    pub(crate) to: usize,
}

/// One instruction that was followed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Step {
    pub(crate) effect: Effect,
    /// Address of the next instruction in memory.
    pub(crate) next: u64,
    pub(crate) turn: Turn,
    /// It begins with a prefix without effect ([`Hits::asks`]).
    pub(crate) is_padded: bool,
}

/// Where the code goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// Behind the instruction.
    None,
    /// Nowhere.
    End,
    /// At this address.
    Jump(u64),
    /// There, or behind the instruction.
    Branch(u64),
    /// Where only the running program knows.
    Unknown,
    /// Where the function was called.
    Return,
}

/// Instructions that are followed from one start while the thread pointer is
/// all that is held: many variables of a program are reached through it.
const FEW: u32 = 1 << 12;

/// Instructions that are followed from one start.
const MANY: u32 = 1 << 14;

/// Instructions that are followed in one object.
const MOST: u32 = 1 << 22;

/// Calls that are followed, one in another.
const DEPTH: u8 = 8;

/// Places that are remembered as seen.
const REMEMBERED: usize = 1 << 12;

/// How often a place is come to with other values before those that change with each
/// round of a loop are no longer known: a loop over what else the thread has would come to
/// the area in the end, which its own bounds keep it from.
const ROUNDS: u8 = 4;

/// A place that is still to be followed.
struct Open<A: Abi> {
    address: u64,
    state: State<A>,
    depth: u8,
}

/// Follows code.
pub(crate) struct Flow<I: Isa> {
    follower: I,
    /// Places that have been followed, with what was known there.
    seen: HashSet<(u64, State<I::Abi>)>,
    /// Places that have been come to from one start: what was known the first time, and how
    /// often.
    met: HashMap<u64, (State<I::Abi>, u8)>,
    open: Vec<Open<I::Abi>>,
    /// Instructions that may still be followed.
    left: u32,
    /// Something was not followed to its end, because there is too much of it.
    pub(crate) gave_up: bool,
}

impl<I: Isa> Flow<I> {
    pub(crate) fn new(area: &Area) -> Self {
        Self {
            follower: I::new(area),
            seen: HashSet::new(),
            met: HashMap::new(),
            open: Vec::new(),
            left: MOST,
            gave_up: false,
        }
    }

    /// Follows the code from `start` on, where nothing is known yet.
    pub(crate) fn follow(&mut self, start: u64, code: &mut impl Code, hits: &mut Hits<'_>) {
        let (mut few, mut many) = (FEW, MANY);
        // the start is looked at whatever is left
        let mut is_start = true;
        self.open.clear();
        self.met.clear();
        let state = self.follower.before(start, code);
        self.open.push(Open {
            address: start,
            state,
            depth: 0,
        });
        while let Some(mut open) = self.open.pop() {
            if self.seen.len() == REMEMBERED {
                self.seen.clear();
            }
            self.end_rounds(&mut open);
            if !self.seen.insert((open.address, open.state.clone())) {
                continue;
            }
            let mut address = open.address;
            'straight: loop {
                let bytes = code.at(address);
                if bytes.is_empty() && open.state.has_pointer() {
                    hits.lost(address);
                }
                let mut position = 0;
                // an instruction that is cut is read again with what follows it
                while position == 0 || position + I::LONGEST <= bytes.len() {
                    let has_pointer = open.state.has_pointer();
                    let budget = if has_pointer { &mut many } else { &mut few };
                    if !is_start && (*budget == 0 || self.left == 0) {
                        self.gave_up = true;
                        if has_pointer {
                            hits.lost(address);
                        }
                        break 'straight;
                    }
                    is_start = false;
                    *budget = budget.saturating_sub(1);
                    self.left = self.left.saturating_sub(1);
                    let rest = bytes.get(position..).unwrap_or_default();
                    let Some(step) = self.follower.step(&mut open.state, rest, address) else {
                        break 'straight;
                    };
                    note(address, &step, hits);
                    if step.effect.call.is_some() {
                        self.call(address, &step.effect, &mut open, hits);
                    }
                    see_turn(step.turn, address, &open.state, hits);
                    if !open.state.has_lead() {
                        break 'straight;
                    }
                    let places = match step.turn {
                        Turn::None => {
                            position += step.next.wrapping_sub(address) as usize;
                            address = step.next;
                            continue;
                        }
                        Turn::Jump(target) => [Some(target), None],
                        Turn::Branch(target) => [Some(step.next), Some(target)],
                        Turn::End | Turn::Unknown | Turn::Return => [None; 2],
                    };
                    for address in places.into_iter().flatten() {
                        self.open.push(Open {
                            address,
                            state: open.state.clone(),
                            depth: open.depth,
                        });
                    }
                    break 'straight;
                }
            }
        }
    }

    /// Forgets what changes with each round of a loop, after some.
    fn end_rounds(&mut self, open: &mut Open<I::Abi>) {
        let first = || (open.state.clone(), 0);
        let (first, rounds) = self.met.entry(open.address).or_insert_with(first);
        if *rounds == ROUNDS {
            open.state.forget_moved(first);
        } else {
            *rounds += 1;
        }
    }

    /// Follows a call.
    fn call(
        &mut self,
        address: u64,
        effect: &Effect,
        open: &mut Open<I::Abi>,
        hits: &mut Hits<'_>,
    ) {
        let state = &mut open.state;
        if state.get(I::Abi::RESULT) == Value::Descriptor {
            state.set(I::Abi::RESULT, Value::Offset { at: 0, sure: true });
            return;
        }
        // syscall(2) with the area that is to be registered
        let first = I::Abi::ARGUMENTS.first();
        let first = first.map_or(Value::Unknown, |first| state.get(*first));
        if state.has_pointer_on_top() {
            // an argument that is not in a register
            hits.lost(address);
        }
        if state.passes_pointer() && first != Value::RseqNumber {
            match effect.call {
                Some(Target::Address(address)) if open.depth < DEPTH => self.open.push(Open {
                    address,
                    state: state.entered(),
                    depth: open.depth + 1,
                }),
                _ => hits.lost(address),
            }
        }
        state.called();
        if first == Value::Module {
            state.set(I::Abi::RESULT, Value::Storage(0));
        }
    }
}

/// Notes a pointer that goes away with a jump.
fn see_turn<A: Abi>(turn: Turn, address: u64, state: &State<A>, hits: &mut Hits<'_>) {
    let is_lost = match turn {
        Turn::Return => state.returns_pointer(),
        Turn::Unknown => state.has_pointer(),
        Turn::None | Turn::End | Turn::Jump(_) | Turn::Branch(_) => false,
    };
    if is_lost {
        hits.lost(address);
    }
}

fn note(address: u64, step: &Step, hits: &mut Hits<'_>) {
    let effect = &step.effect;
    if effect.is_use() {
        hits.uses(address);
    }
    if effect.asks {
        hits.asks(step.is_padded);
    }
    if let Some(store) = effect.store {
        hits.store(address, store);
    }
    if effect.lost || effect.adds_offset && !hits.has_use(address) {
        hits.lost(address);
    }
}
