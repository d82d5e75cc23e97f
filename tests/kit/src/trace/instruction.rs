//! Instructions of a traced program.

use std::fs::File;
use std::os::unix::fs::FileExt as _;

/// Bytes of the machine's longest instruction.
pub(super) const LONGEST: usize = if cfg!(target_arch = "aarch64") { 4 } else { 15 };

/// An instruction that a program is about to execute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Instruction {
    /// Its address.
    pub address: u64,
    pub(super) code: [u8; LONGEST],
}

impl Instruction {
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
