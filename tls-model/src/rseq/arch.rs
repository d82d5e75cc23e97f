//! What differs from one architecture to the next: the number of the system
//! call and the signature before abort handlers.
//!
//! These are all architectures that have rseq in Linux (those whose Kconfig selects
//! `HAVE_RSEQ`), but for csky, for which nobody has chosen a signature.
//!
//! Sources: the kernel's system call tables; signatures as used by glibc
//! (`bits/rseq.h`, 2.43), and by the kernel's selftests for `OpenRISC`. A test
//! compares the table with the kernel's headers and with glibc's
//! (`tests/labs/glibc/tests/architectures.rs`).

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
    /// The 32-bit signature before an abort handler, as a word in the byte order of
    /// code.
    pub signature: u32,
    /// Whether code is little-endian even where data is big-endian.
    pub little_endian_code: bool,
}

/// x86-64.
pub const X86_64: Arch = Arch {
    name: "x86_64",
    machine: header::EM_X86_64,
    bits: 64,
    syscall: 334,
    signature: 0x5305_3053,
    little_endian_code: true,
};

/// The ILP32 ABI of x86-64.
pub const X32: Arch = Arch {
    name: "x32",
    bits: 32,
    syscall: 0x4000_0000 + 334,
    ..X86_64
};

/// i386.
pub const I386: Arch = Arch {
    name: "i386",
    machine: header::EM_386,
    bits: 32,
    syscall: 386,
    ..X86_64
};

/// `AArch64`.
pub const AARCH64: Arch = Arch {
    name: "aarch64",
    machine: header::EM_AARCH64,
    bits: 64,
    syscall: 293,
    signature: 0xd428_bc00,
    little_endian_code: true,
};

/// 32-bit Arm, from `ARMv6` on.
pub const ARM: Arch = Arch {
    name: "arm",
    machine: header::EM_ARM,
    bits: 32,
    syscall: 398,
    signature: 0xe7f5_def3,
    little_endian_code: true,
};

/// 64-bit PowerPC, of both byte orders.
pub const POWERPC64: Arch = Arch {
    name: "ppc64",
    machine: header::EM_PPC64,
    bits: 64,
    syscall: 387,
    signature: 0x0fe5_000b,
    little_endian_code: false,
};

/// 32-bit PowerPC.
pub const POWERPC: Arch = Arch {
    name: "ppc",
    machine: header::EM_PPC,
    bits: 32,
    ..POWERPC64
};

/// z/Architecture.
pub const S390X: Arch = Arch {
    name: "s390x",
    machine: header::EM_S390,
    bits: 64,
    syscall: 383,
    signature: 0xb2ff_0fff,
    little_endian_code: false,
};

/// RISC-V with 64 bits.
pub const RISCV64: Arch = Arch {
    name: "riscv64",
    machine: header::EM_RISCV,
    bits: 64,
    syscall: 293,
    signature: 0xf140_1073,
    little_endian_code: false,
};

/// RISC-V with 32 bits.
pub const RISCV32: Arch = Arch {
    name: "riscv32",
    bits: 32,
    ..RISCV64
};

/// MIPS with 64 bits (the n64 ABI). A signature of microMIPS code is another.
pub const MIPS64: Arch = Arch {
    name: "mips64",
    machine: header::EM_MIPS,
    bits: 64,
    syscall: 5327,
    signature: 0x0350_000d,
    little_endian_code: false,
};

/// MIPS with 32 bits (the o32 ABI; n32 has another number).
pub const MIPS: Arch = Arch {
    name: "mips",
    bits: 32,
    syscall: 4367,
    ..MIPS64
};

/// `LoongArch` with 64 bits.
pub const LOONGARCH64: Arch = Arch {
    name: "loongarch64",
    machine: EM_LOONGARCH,
    bits: 64,
    syscall: 293,
    signature: 0x002a_0010,
    little_endian_code: false,
};

/// `OpenRISC`.
pub const OPENRISC: Arch = Arch {
    name: "openrisc",
    machine: header::EM_OPENRISC,
    bits: 32,
    syscall: 293,
    signature: 0x1500_0035,
    little_endian_code: false,
};

/// `EM_LOONGARCH`, which goblin does not name.
const EM_LOONGARCH: u16 = 258;

/// Every architecture this project knows by number; others are audited by name
/// only.
pub const ARCHES: [Arch; 14] = [
    X86_64,
    X32,
    I386,
    AARCH64,
    ARM,
    POWERPC64,
    POWERPC,
    S390X,
    RISCV64,
    RISCV32,
    MIPS64,
    MIPS,
    LOONGARCH64,
    OPENRISC,
];

/// Returns the architecture this code was compiled for, if it is a known one.
#[must_use]
pub const fn native() -> Option<Arch> {
    if cfg!(all(target_arch = "x86_64", target_pointer_width = "64")) {
        Some(X86_64)
    } else if cfg!(target_arch = "x86") {
        Some(I386)
    } else if cfg!(target_arch = "aarch64") {
        Some(AARCH64)
    } else if cfg!(target_arch = "s390x") {
        Some(S390X)
    } else {
        None
    }
}

impl Arch {
    /// Returns what glibc's dynamic linker puts in place of `$PLATFORM` in a program for
    /// it: the kernel's word (`AT_PLATFORM`), or up to glibc 2.36 its own for some
    /// processors. Empty for an architecture that nothing is released for.
    #[must_use]
    pub const fn platforms(&self) -> &'static [&'static str] {
        match (self.machine, self.bits) {
            (header::EM_X86_64, 64) => &["x86_64", "haswell", "xeon_phi"],
            (header::EM_AARCH64, _) => &["aarch64"],
            _ => &[],
        }
    }

    /// Returns whether its kernel runs programs of this `e_machine` itself, in whatever
    /// class: those of other machines run under an emulator, which registers nothing for
    /// them.
    #[must_use]
    pub const fn runs(&self, machine: u16) -> bool {
        let narrow = match self.machine {
            header::EM_X86_64 => header::EM_386,
            header::EM_AARCH64 => header::EM_ARM,
            _ => self.machine,
        };
        machine == self.machine || machine == narrow
    }
}

/// Returns the architecture of an object, from its header.
#[must_use]
pub fn of_object(machine: u16, bits: u8) -> Option<Arch> {
    ARCHES
        .into_iter()
        .find(|arch| arch.machine == machine && arch.bits == bits)
}
