//! What differs from one architecture to the next: the number of the system
//! call and the signature before abort handlers.
//!
//! Sources: the kernel's system call tables; signatures as used by glibc
//! (`bits/rseq.h`, 2.35) and librseq (`include/rseq/arch/`).

use goblin::elf::header;

/// One architecture's rseq numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arch {
    /// The name Linux uses (`uname -m`).
    pub name: &'static str,
    /// `e_machine`.
    pub machine: u16,
    /// ELF class in bits, where one machine number has two ABIs.
    pub bits: u8,
    /// `__NR_rseq`.
    pub syscall: u32,
    /// The 32-bit signature before an abort handler, as a native-endian word.
    pub signature: u32,
}

/// x86-64.
pub const X86_64: Arch = Arch {
    name: "x86_64",
    machine: header::EM_X86_64,
    bits: 64,
    syscall: 334,
    signature: 0x5305_3053,
};

/// i386.
pub const I386: Arch = Arch {
    name: "i386",
    machine: header::EM_386,
    bits: 32,
    syscall: 386,
    signature: 0x5305_3053,
};

/// `AArch64`.
pub const AARCH64: Arch = Arch {
    name: "aarch64",
    machine: header::EM_AARCH64,
    bits: 64,
    syscall: 293,
    signature: 0xd428_bc00,
};

/// Every architecture this project knows by number; others are audited by name
/// only.
pub const ARCHES: [Arch; 3] = [X86_64, I386, AARCH64];

/// Returns the architecture this code was compiled for, if it is a known one.
#[must_use]
pub const fn native() -> Option<Arch> {
    if cfg!(all(target_arch = "x86_64", target_pointer_width = "64")) {
        Some(X86_64)
    } else if cfg!(target_arch = "x86") {
        Some(I386)
    } else if cfg!(target_arch = "aarch64") {
        Some(AARCH64)
    } else {
        None
    }
}

/// Returns the architecture of an object, from its header.
#[must_use]
pub fn of_object(machine: u16, bits: u8) -> Option<Arch> {
    ARCHES
        .into_iter()
        .find(|arch| arch.machine == machine && arch.bits == bits)
}
