//! Following code from one instruction over jumps and calls, for as long as
//! something in registers or in the frame may lead to the area.

use std::collections::HashSet;

use iced_x86::{FlowControl, Instruction, OpKind, Register};
use tls_model::rseq::arch::X86_64;

use super::decoder;
use super::follower::Follower;
use super::state::{State, Value};
use crate::area::Area;
use crate::code::Code;
use crate::effect::{Effect, Target};
use crate::hits::Hits;

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

/// Bytes before a start in which the number of the system call may be loaded.
const EARLIER: usize = 48;

/// `mov $NUMBER, %edi`, with the number of the system call.
const LOADS_NUMBER: [u8; 5] = {
    let [a, b, c, d] = X86_64.syscall.to_le_bytes();
    [0xbf, a, b, c, d]
};

/// A place that is still to be followed.
struct Open {
    address: u64,
    state: State,
    depth: u8,
}

/// Follows code.
pub(crate) struct Flow {
    follower: Follower,
    /// Places that have been followed, with what was known there.
    seen: HashSet<(u64, State)>,
    open: Vec<Open>,
    /// Instructions that may still be followed.
    left: u32,
    /// Something was not followed to its end, because there is too much of it.
    pub(crate) gave_up: bool,
}

/// Bytes of the longest instruction.
const LONGEST: usize = 15;

/// A prefix without effect before the `lea` of a general-dynamic access: the
/// link editor may write another access over it ("ELF Handling For Thread-Local
/// Storage", 4.1.6).
const PADDING: u8 = 0x66;

/// Where the code goes on.
enum Turn {
    /// Behind the instruction.
    None,
    /// Nowhere.
    End,
    /// At these places.
    To([Option<u64>; 2]),
}

impl Flow {
    pub(crate) fn new(area: &Area) -> Self {
        Self {
            follower: Follower::new(area),
            seen: HashSet::new(),
            open: Vec::new(),
            left: MOST,
            gave_up: false,
        }
    }

    /// Follows the code from `start` on, where nothing is known yet.
    pub(crate) fn follow(&mut self, start: u64, code: &mut impl Code, hits: &mut Hits<'_>) {
        let mut instruction = Instruction::default();
        let (mut few, mut many) = (FEW, MANY);
        // the start is looked at whatever is left
        let mut is_start = true;
        self.open.clear();
        let state = self.before(start, code);
        self.open.push(Open {
            address: start,
            state,
            depth: 0,
        });
        while let Some(mut open) = self.open.pop() {
            if self.seen.len() == REMEMBERED {
                self.seen.clear();
            }
            if !self.seen.insert((open.address, open.state.clone())) {
                continue;
            }
            let mut address = open.address;
            'straight: loop {
                let bytes = code.at(address);
                let mut decoder = decoder(bytes, address);
                if bytes.is_empty() && open.state.has_pointer() {
                    hits.lost(address);
                }
                // an instruction that is cut is read again with what follows it
                while decoder.position() == 0 || decoder.position() + LONGEST <= bytes.len() {
                    let at = decoder.position();
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
                    decoder.decode_out(&mut instruction);
                    if instruction.is_invalid() {
                        break 'straight;
                    }
                    let effect = self.follower.step(&mut open.state, &instruction);
                    let is_padded = bytes.get(at) == Some(&PADDING);
                    note(address, &effect, is_padded, hits);
                    if effect.call.is_some() {
                        self.call(&instruction, &effect, &mut open, hits);
                    }
                    let turn = turn(&instruction, &open.state, hits);
                    if !open.state.has_lead() {
                        break 'straight;
                    }
                    match turn {
                        Turn::None => address = instruction.next_ip(),
                        Turn::End => break 'straight,
                        Turn::To(places) => {
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
        }
    }

    /// Returns what is known where following begins: nothing, but for the number of the
    /// system call, which compilers may load before the address.
    fn before(&mut self, start: u64, code: &mut impl Code) -> State {
        let mut known = State::unknown();
        let Some(first) = start.checked_sub(EARLIER as u64) else {
            return known;
        };
        let bytes = code.at(first);
        let bytes = bytes.get(..EARLIER).unwrap_or_default();
        let loads = bytes
            .windows(LOADS_NUMBER.len())
            .rposition(|window| window == LOADS_NUMBER);
        let Some(loads) = loads else {
            return known;
        };
        let mut decoder = decoder(
            bytes.get(loads..).unwrap_or_default(),
            first.wrapping_add(loads as u64),
        );
        let mut state = State::unknown();
        while decoder.can_decode() {
            let instruction = decoder.decode();
            let is_straight = instruction.flow_control() == FlowControl::Next;
            if instruction.is_invalid() || !is_straight {
                return known;
            }
            self.follower.step(&mut state, &instruction);
        }
        if state.get(Register::RDI) == Value::RseqNumber {
            known.set(Register::RDI, Value::RseqNumber);
        }
        known
    }

    /// Follows a call.
    fn call(
        &mut self,
        instruction: &Instruction,
        effect: &Effect,
        open: &mut Open,
        hits: &mut Hits<'_>,
    ) {
        let state = &mut open.state;
        // syscall(2) with the area that is to be registered
        let registers = state.get(Register::RDI) == Value::RseqNumber;
        if state.has_pointer_on_top() {
            // a seventh argument
            hits.lost(instruction.ip());
        }
        if state.passes_pointer() && !registers {
            match effect.call {
                Some(Target::Address(address)) if open.depth < DEPTH => self.open.push(Open {
                    address,
                    state: state.entered(),
                    depth: open.depth + 1,
                }),
                _ => hits.lost(instruction.ip()),
            }
        }
        let asked = state.get(Register::RDI) == Value::Module;
        state.called();
        if asked {
            state.set(Register::RAX, Value::Storage(0));
        }
    }
}

fn turn(instruction: &Instruction, state: &State, hits: &mut Hits<'_>) -> Turn {
    let target = instruction.near_branch_target();
    let is_direct = matches!(
        instruction.op0_kind(),
        OpKind::NearBranch16 | OpKind::NearBranch32 | OpKind::NearBranch64
    );
    match instruction.flow_control() {
        FlowControl::UnconditionalBranch if is_direct => Turn::To([Some(target), None]),
        FlowControl::ConditionalBranch if is_direct => {
            Turn::To([Some(instruction.next_ip()), Some(target)])
        }
        FlowControl::Return => {
            if state.returns_pointer() {
                hits.lost(instruction.ip());
            }
            Turn::End
        }
        FlowControl::IndirectBranch
        | FlowControl::UnconditionalBranch
        | FlowControl::ConditionalBranch => {
            if state.has_pointer() {
                hits.lost(instruction.ip());
            }
            Turn::End
        }
        FlowControl::Exception => Turn::End,
        _ => Turn::None,
    }
}

fn note(address: u64, effect: &Effect, is_padded: bool, hits: &mut Hits<'_>) {
    if effect.is_use() {
        hits.uses(address);
    }
    if effect.asks {
        hits.asks(is_padded);
    }
    if let Some(store) = effect.store {
        hits.store(address, store);
    }
    if effect.lost {
        hits.lost(address);
    }
}
