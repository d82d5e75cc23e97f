//! The registers of x86-64.

use iced_x86::Register;

use crate::state::{Abi, Value};

pub(super) type State = crate::state::State<SystemV>;

/// The System V ABI, AMD64 supplement, 3.2.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct SystemV;

impl Abi for SystemV {
    type Register = Register;
    type Values = [Value; 16];

    const STACK: Register = Register::RSP;
    const FRAME: Register = Register::RBP;
    /// rbx, rsp, rbp, r12 to r15.
    const KEPT: &'static [usize] = &[3, 4, 5, 12, 13, 14, 15];
    const ARGUMENTS: &'static [Register] = &[
        Register::RDI,
        Register::RSI,
        Register::RDX,
        Register::RCX,
        Register::R8,
        Register::R9,
    ];
    const RESULT: Register = Register::RAX;

    fn index(register: Register) -> Option<usize> {
        let full = register.full_register();
        (register.is_gpr() && full.is_gpr64()).then(|| full.number())
    }
}
