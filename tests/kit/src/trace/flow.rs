//! Whether a list of instructions is one way through the code: each stands where
//! the one before it leads.

pub use super::instruction::Instruction;
use super::machine::{self, Lead};

/// Checks each step from one to the next. Where an indirect jump or call goes is
/// not known; a return goes back to where it was called from, if that was seen.
pub(super) fn check(way: &[Instruction]) -> Result<(), String> {
    let mut calls = Vec::new();
    for step in way.windows(2) {
        let (here, next) = (step[0], step[1].address);
        let (after, lead) = machine::lead(&here);
        let right = match lead {
            Lead::After => next == after,
            Lead::AfterOrAgain => next == after || next == here.address,
            Lead::Jump(target) => next == target,
            Lead::Branch(target) => next == target || next == after,
            Lead::Anywhere => true,
            Lead::Call(target) => {
                calls.push(after);
                target.is_none_or(|target| next == target)
            }
            Lead::Return => calls.pop().is_none_or(|back| next == back),
            Lead::Nowhere => false,
        };
        if !right {
            return Err(format!(
                "from {:#x} ({:x?}) to {next:#x}: something between was passed over",
                here.address, here.code
            ));
        }
    }
    Ok(())
}

#[cfg(all(test, target_arch = "x86_64"))]
mod tests {
    use super::super::instruction::LONGEST;
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
