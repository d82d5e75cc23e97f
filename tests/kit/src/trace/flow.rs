//! Whether a list of instructions is one way through the code: each stands where
//! the one before it leads.

use std::fs::File;
use std::os::unix::fs::FileExt as _;

use iced_x86::{Decoder, DecoderOptions, FlowControl, Mnemonic};

/// The longest instruction of x86.
const LONGEST: usize = 15;

/// An instruction that a program is about to execute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Instruction {
    /// Its address.
    pub address: u64,
    code: [u8; LONGEST],
}

impl Instruction {
    /// Returns whether both are the same, wherever the code lies.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.code == other.code
    }

    /// Reads the one at an address of a stopped program.
    pub(super) fn at(process: i32, address: u64) -> Result<Self, String> {
        let name = format!("/proc/{process}/mem");
        let memory = File::open(&name).map_err(|error| format!("{name}: {error}"))?;
        let mut code = [0; LONGEST];
        // fewer at the end of the memory there
        memory
            .read_at(&mut code, address)
            .map_err(|error| format!("{name}: {error}"))?;
        Ok(Self { address, code })
    }
}

/// Checks each step from one to the next. Where an indirect jump or call goes is
/// not known; a return goes back to where it was called from, if that was seen.
pub(super) fn check(way: &[Instruction]) -> Result<(), String> {
    let mut calls = Vec::new();
    for step in way.windows(2) {
        let (here, next) = (step[0], step[1].address);
        let mut decoder = Decoder::with_ip(64, &here.code, here.address, DecoderOptions::NONE);
        let instruction = decoder.decode();
        let after = instruction.next_ip();
        let target = instruction.near_branch_target();
        let right = match instruction.flow_control() {
            FlowControl::UnconditionalBranch => next == target,
            FlowControl::ConditionalBranch => next == target || next == after,
            FlowControl::IndirectBranch => true,
            FlowControl::Return => calls.pop().is_none_or(|back| next == back),
            FlowControl::IndirectCall => {
                calls.push(after);
                true
            }
            FlowControl::Call if instruction.mnemonic() != Mnemonic::Syscall => {
                calls.push(after);
                next == target
            }
            FlowControl::Next | FlowControl::Interrupt | FlowControl::Call => {
                // a repeated string instruction stops after each repetition
                let repeats = instruction.has_rep_prefix() || instruction.has_repne_prefix();
                next == after || repeats && next == here.address
            }
            FlowControl::XbeginXabortXend | FlowControl::Exception => false,
        };
        if !right {
            return Err(format!(
                "from {:#x} ({:?}) to {next:#x}: something between was passed over",
                here.address,
                instruction.mnemonic()
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instruction(address: u64, bytes: &[u8]) -> Instruction {
        let mut code = [0; LONGEST];
        code[..bytes.len()].copy_from_slice(bytes);
        Instruction { address, code }
    }

    #[test]
    fn what_is_passed_over_is_missed() {
        let nop = |address| instruction(address, &[0x90]);
        // call 0x20; ret
        let call = instruction(0x10, &[0xe8, 0x0b, 0, 0, 0]);
        let back = instruction(0x20, &[0xc3]);
        assert!(check(&[nop(0xf), call, back, nop(0x15), nop(0x16)]).is_ok());
        assert!(check(&[nop(0xf), call, nop(0x15)]).is_err());
        assert!(check(&[call, back, nop(0x16)]).is_err());
        assert!(check(&[nop(0xf), nop(0x11)]).is_err());
        // syscall
        let enter = instruction(0x30, &[0x0f, 0x05]);
        assert!(check(&[enter, nop(0x32)]).is_ok());
        assert!(check(&[enter, nop(0x33)]).is_err());
    }
}
