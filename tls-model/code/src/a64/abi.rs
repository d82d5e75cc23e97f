//! The registers of AArch64.

use super::words::{Register, STACK};
use crate::state::{Abi, Value};

/// The frame pointer.
pub(super) const FRAME: Register = 29;

pub(super) type State = crate::state::State<Aapcs>;

/// The Procedure Call Standard for AArch64, 6.1 and 6.8.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Aapcs;

impl Abi for Aapcs {
    type Register = Register;
    type Values = [Value; 31];

    const STACK: Register = STACK;
    const FRAME: Register = FRAME;
    /// x19 to x29.
    const KEPT: &'static [usize] = &[19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29];
    /// x8 has the address of a result.
    const ARGUMENTS: &'static [Register] = &[0, 1, 2, 3, 4, 5, 6, 7, 8];
    const RESULT: Register = 0;

    fn index(register: Register) -> Option<usize> {
        (register < 31).then_some(register.into())
    }
}
