//! x86-64: what instructions do, and registers that lead to the area.

mod abi;
mod follower;
mod isa;
mod operands;
mod results;
mod scan;

use iced_x86::{Decoder, DecoderOptions, Instruction};

use crate::area::Area;
use crate::effect::{Effect, End};

pub(crate) use follower::Follower;

use abi::State;

/// Returns a decoder for code at `address`.
fn decoder(code: &[u8], address: u64) -> Decoder<'_> {
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
    let mut state = State::unknown();
    let mut instruction = Instruction::default();
    let mut end = End::default();
    while decoder.can_decode() {
        let start = decoder.position() as u64;
        decoder.decode_out(&mut instruction);
        if instruction.is_invalid() {
            break;
        }
        let effect = follower.follow(&mut state, &instruction);
        if effect.call.is_some() {
            state.called();
        }
        see(instruction.ip(), effect);
        end = End {
            bytes: decoder.position() as u64,
            last: start,
        };
    }
    end
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::code::Code;
    use crate::flow::{Flow, Isa, Piece};
    use crate::hits::Hits;
    use tls_model::critical::{Critical, Violation};

    /// Code at 0x1000.
    struct Bytes(Vec<u8>);

    impl Code for Bytes {
        fn at(&mut self, address: u64) -> &[u8] {
            let inside = address.wrapping_sub(0x1000) as usize;
            self.0.get(inside..).unwrap_or_default()
        }
    }

    fn search(area: &Area, code: &[u8]) -> Critical {
        let mut critical = Critical::default();
        let mut bytes = code.to_vec();
        bytes.resize(512, 0x90);
        let piece = Piece {
            bytes: &bytes,
            address: 0x1000,
            from: 0,
            to: bytes.len(),
        };
        let (mut flow, mut hits) = (Flow::<Follower>::new(area), Hits::new(&mut critical));
        let mut reader = Bytes(bytes.clone());
        Follower::scan(&piece, area, |start| {
            flow.follow(start, &mut reader, &mut hits);
        });
        critical
    }

    /// Returns what is found in `code`: uses, and the first store to a field of the
    /// kernel's.
    fn found(area: &Area, code: &[u8]) -> (u32, Option<u64>) {
        let critical = search(area, code);
        let stray = critical.offence(Violation::StrayStore);
        (critical.uses, stray.map(|offence| offence.first.address))
    }

    const LOCAL: Area = Area {
        offset: Some(-0x28a0),
        slot: None,
        module: None,
        descriptor: None,
        in_storage: None,
    };

    #[test]
    fn a_constant_offset_from_the_thread_pointer() {
        // mov %eax, %fs:-0x28a0
        let store = [0x64, 0x89, 0x04, 0x25, 0x60, 0xd7, 0xff, 0xff];
        assert_eq!(found(&LOCAL, &store), (1, Some(0x1000)));
        // mov %fs:-0x289c, %eax
        let load = [0x64, 0x8b, 0x04, 0x25, 0x64, 0xd7, 0xff, 0xff];
        assert_eq!(found(&LOCAL, &load), (1, None));
        // movl $-1, %fs:-0x289c: what a thread says that is not registered
        let farewell = [
            0x64, 0xc7, 0x04, 0x25, 0x64, 0xd7, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
        ];
        assert_eq!(found(&LOCAL, &farewell), (1, None));
    }

    #[test]
    fn an_offset_in_a_register() {
        // mov $-0x28a0, %r9; mov %rdx, %fs:0x8(%r9); mov %rdx, %fs:-0x4(%r9)
        let code = [
            0x49, 0xc7, 0xc1, 0x60, 0xd7, 0xff, 0xff, 0x64, 0x49, 0x89, 0x51, 0x08, 0x64, 0x49,
            0x89, 0x51, 0xfc,
        ];
        assert_eq!(found(&LOCAL, &code), (2, Some(0x100c)));
    }

    #[test]
    fn an_address_from_the_thread_pointer() {
        // mov %fs:0, %rax; lea -0x28a0(%rax), %rcx; mov %edx, 0x18(%rcx)
        let code = [
            0x64, 0x48, 0x8b, 0x04, 0x25, 0, 0, 0, 0, 0x48, 0x8d, 0x88, 0x60, 0xd7, 0xff, 0xff,
            0x89, 0x51, 0x18,
        ];
        // its address is made, and then used
        assert_eq!(found(&LOCAL, &code), (2, Some(0x1010)));
        // the same over a block's edge
        for pad in 50..70 {
            let mut moved = vec![0x90; pad];
            moved.extend(code);
            let at = 0x1010 + pad as u64;
            assert_eq!(found(&LOCAL, &moved), (2, Some(at)), "{pad}");
        }
    }

    #[test]
    fn an_offset_from_the_slot() {
        let area = Area {
            offset: None,
            slot: Some(0x3000),
            module: None,
            descriptor: None,
            in_storage: None,
        };
        // mov 0x1ff9(%rip), %rax; movl $0, %fs:(%rax)
        let code = [
            0x48, 0x8b, 0x05, 0xf9, 0x1f, 0, 0, 0x64, 0xc7, 0x00, 0, 0, 0, 0,
        ];
        assert_eq!(found(&area, &code), (1, Some(0x1007)));
        // mov %fs:0, %rax; add 0x1ff0(%rip), %rax; mov %ecx, 0x14(%rax)
        let code = [
            0x64, 0x48, 0x8b, 0x04, 0x25, 0, 0, 0, 0, 0x48, 0x03, 0x05, 0xf0, 0x1f, 0, 0, 0x89,
            0x48, 0x14,
        ];
        let (_, stray) = found(&area, &code);
        assert_eq!(stray, Some(0x1010));
    }
}
