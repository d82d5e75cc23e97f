//! x86-64 as a machine whose code is followed.

use iced_x86::{FlowControl, Instruction, OpKind, Register};
use tls_model::rseq::arch::X86_64;

use super::abi::{State, SystemV};
use super::decoder;
use super::follower::Follower;
use crate::area::Area;
use crate::code::Code;
use crate::flow::{Isa, Piece, Step, Turn};
use crate::state::Value;

/// Bytes before a start in which the number of the system call may be loaded.
const EARLIER: usize = 48;

/// `mov $NUMBER, %edi`, with the number of the system call.
const LOADS_NUMBER: [u8; 5] = {
    let [a, b, c, d] = X86_64.syscall.to_le_bytes();
    [0xbf, a, b, c, d]
};

/// A prefix without effect before the `lea` of a general-dynamic access: the
/// link editor may write another access over it ("ELF Handling For Thread-Local
/// Storage", 4.1.6).
const PADDING: u8 = 0x66;

impl Isa for Follower {
    type Abi = SystemV;

    const LONGEST: usize = 15;

    fn new(area: &Area) -> Self {
        Self::new(area)
    }

    fn scan(piece: &Piece<'_>, area: &Area, found: impl FnMut(u64)) {
        super::scan::scan(piece, area, found);
    }

    fn step(&mut self, state: &mut State, bytes: &[u8], address: u64) -> Option<Step> {
        let instruction = decoder(bytes, address).decode();
        if instruction.is_invalid() {
            return None;
        }
        Some(Step {
            effect: self.follow(state, &instruction),
            next: instruction.next_ip(),
            turn: turn(&instruction),
            is_padded: bytes.first() == Some(&PADDING),
        })
    }

    /// The number of the system call, which compilers may load before the address.
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
            self.follow(&mut state, &instruction);
        }
        if state.get(Register::RDI) == Value::RseqNumber {
            known.set(Register::RDI, Value::RseqNumber);
        }
        known
    }
}

fn turn(instruction: &Instruction) -> Turn {
    let is_direct = matches!(
        instruction.op0_kind(),
        OpKind::NearBranch16 | OpKind::NearBranch32 | OpKind::NearBranch64
    );
    match instruction.flow_control() {
        FlowControl::UnconditionalBranch if is_direct => {
            Turn::Jump(instruction.near_branch_target())
        }
        FlowControl::ConditionalBranch if is_direct => {
            Turn::Branch(instruction.near_branch_target())
        }
        FlowControl::Return => Turn::Return,
        FlowControl::IndirectBranch
        | FlowControl::UnconditionalBranch
        | FlowControl::ConditionalBranch => Turn::Unknown,
        FlowControl::Exception => Turn::End,
        _ => Turn::None,
    }
}
