//! Names of machines.

use goblin::elf::header as h;

use crate::elf::Class;

/// The machines that Linux runs rseq on, by the name that Linux uses, in both
/// classes.
const NAMES: [(u16, &str, &str); 11] = [
    (h::EM_X86_64, "x32", "x86_64"),
    (h::EM_386, "i386", "i386"),
    (h::EM_AARCH64, "aarch64_ilp32", "aarch64"),
    (h::EM_ARM, "arm", "arm"),
    (h::EM_RISCV, "riscv32", "riscv64"),
    (h::EM_PPC, "ppc", "ppc"),
    (h::EM_PPC64, "ppc64", "ppc64"),
    (h::EM_S390, "s390", "s390x"),
    (h::EM_MIPS, "mips", "mips64"),
    (h::EM_LOONGARCH, "loongarch32", "loongarch64"),
    (h::EM_SPARCV9, "sparc64", "sparc64"),
];

/// Returns the name of a machine (`e_machine`) in one class, where it has one here.
#[must_use]
pub fn machine_name(machine: u16, class: Class) -> Option<&'static str> {
    NAMES
        .into_iter()
        .find(|(number, ..)| *number == machine)
        .map(|(_, elf32, elf64)| match class {
            Class::Elf32 => elf32,
            Class::Elf64 => elf64,
        })
}
