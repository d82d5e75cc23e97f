//! AArch64 as a machine whose code is followed.

use super::abi::{Aapcs, State};
use super::follower::Follower;
use super::words::{Op, WIDTH, read};
use crate::area::Area;
use crate::code::Code;
use crate::flow::{Isa, Piece, Step, Turn};
use crate::state::Value;

/// Instructions before a start that may have made what it needs: the page of a word,
/// the thread pointer, a constant, the number of the system call.
const EARLIER: u64 = 16;

impl Isa for Follower {
    type Abi = Aapcs;

    const LONGEST: usize = WIDTH;

    fn new(area: &Area) -> Self {
        Self::new(area)
    }

    fn scan(piece: &Piece<'_>, area: &Area, mut found: impl FnMut(u64)) {
        let follower = Self::new(area);
        let start = piece.address.wrapping_add(piece.from as u64);
        let skip = (start.wrapping_neg() % WIDTH as u64) as usize;
        let own = piece.bytes.get(piece.from + skip..piece.to);
        for (number, bytes) in own.unwrap_or_default().chunks_exact(WIDTH).enumerate() {
            let leads = bytes
                .first_chunk()
                .is_some_and(|bytes| follower.may_lead(u32::from_le_bytes(*bytes)));
            if leads {
                found(start.wrapping_add((skip + number * WIDTH) as u64));
            }
        }
    }

    fn step(&mut self, state: &mut State, bytes: &[u8], address: u64) -> Option<Step> {
        let word = u32::from_le_bytes(*bytes.first_chunk()?);
        let word = read(word, address)?;
        Some(Step {
            effect: self.follow(state, &word),
            next: address.wrapping_add(WIDTH as u64),
            turn: match word.op {
                Op::Jump(target) => Turn::Jump(target),
                Op::Branch(target) => Turn::Branch(target),
                Op::JumpTo => Turn::Unknown,
                Op::Return => Turn::Return,
                Op::Trap => Turn::End,
                _ => Turn::None,
            },
            is_padded: false,
        })
    }

    fn before(&mut self, start: u64, code: &mut impl Code) -> State {
        // less where code begins not long before
        let first = (1..=EARLIER).rev().find_map(|words| {
            let first = start.checked_sub(words * WIDTH as u64)?;
            (!code.at(first).is_empty()).then_some(first)
        });
        let Some(first) = first else {
            return State::unknown();
        };
        let bytes = code.at(first);
        let words = bytes
            .chunks_exact(WIDTH)
            .take(((start - first) / WIDTH as u64) as usize);
        let mut state = State::unknown();
        for (number, bytes) in words.enumerate() {
            let address = first.wrapping_add((number * WIDTH) as u64);
            match self.step(&mut state, bytes, address) {
                Some(step) if step.turn == Turn::None && step.effect.call.is_none() => {}
                // what follows is reached from elsewhere, too
                _ => state = State::unknown(),
            }
        }
        let mut known = State::unknown();
        for register in 0..31 {
            let value = state.get(register);
            // the thread pointer may be read before the offset that is added to it
            if !value.is_lead() || value == Value::Thread(0) {
                known.set(register, value);
            }
        }
        known
    }
}
