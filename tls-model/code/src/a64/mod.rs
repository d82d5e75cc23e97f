//! AArch64: what instructions do, and registers that lead to the area.

mod abi;
mod follower;
mod isa;
mod words;

use yaxpeax_arch::{Decoder, U8Reader};
use yaxpeax_arm::armv8::a64::{InstDecoder, Instruction};

use crate::area::Area;
use crate::effect::{Effect, End};

pub(crate) use follower::Follower;

use abi::State;
use words::{Op, WIDTH, read};

fn decoded(bytes: &[u8]) -> Option<Instruction> {
    InstDecoder::default()
        .decode(&mut U8Reader::new(bytes))
        .ok()
}

/// Walks code from its first byte on.
pub(crate) fn walk(
    code: &[u8],
    address: u64,
    area: &Area,
    mut see: impl FnMut(u64, Effect),
) -> End {
    let follower = Follower::new(area);
    let mut state = State::unknown();
    let mut end = End::default();
    for (number, bytes) in code.chunks_exact(WIDTH).enumerate() {
        let here = address.wrapping_add((number * WIDTH) as u64);
        let word = bytes
            .first_chunk()
            .and_then(|bytes| read(u32::from_le_bytes(*bytes), here));
        // what has the shape of an instruction need not be one
        let Some((word, _)) = word.zip(decoded(bytes)) else {
            break;
        };
        let effect = follower.follow(&mut state, &word);
        if effect.call.is_some() {
            state.called();
        }
        see(here, effect);
        if matches!(word.op, Op::Return | Op::Jump(_) | Op::JumpTo) {
            // what follows is reached from elsewhere
            state = State::unknown();
        }
        end = End {
            bytes: ((number + 1) * WIDTH) as u64,
            last: (number * WIDTH) as u64,
        };
    }
    end
}
