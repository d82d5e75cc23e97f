//! An object's thread-local storage, and where static storage lies.

use goblin::elf::header as h;

use crate::elf::Class;

/// The thread-local storage segment: sizes and alignment in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tls {
    /// Bytes per thread.
    pub memsz: u64,
    /// Bytes of them that have an initial value in the file.
    pub filesz: u64,
    /// Alignment.
    pub align: u64,
    /// Link-time address of the initial values.
    pub vaddr: u64,
}

/// Where the static blocks of a thread lie beside its thread pointer ("ELF Handling For
/// Thread-Local Storage", section 3; glibc calls the two `TLS_DTV_AT_TP` and
/// `TLS_TCB_AT_TP`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsLayout {
    /// Variant 1: above the thread pointer, behind as many bytes that are the libc's. Its
    /// control block lies below.
    Above {
        /// Bytes from the thread pointer to where blocks may begin.
        reserved: u64,
    },
    /// Variant 2: below the thread pointer, at which the libc's control block begins.
    Below,
}

/// The machines of which it is known (psABIs; glibc, `sysdeps/*/nptl/tls.h`).
const LAYOUTS: [(u16, TlsLayout); 5] = [
    (h::EM_X86_64, TlsLayout::Below),
    (h::EM_386, TlsLayout::Below),
    (h::EM_S390, TlsLayout::Below),
    (h::EM_AARCH64, TlsLayout::Above { reserved: 16 }),
    (h::EM_ARM, TlsLayout::Above { reserved: 8 }),
];

impl TlsLayout {
    /// Returns that of a machine (`e_machine`) in one class; none where it is not known.
    #[must_use]
    pub fn of(machine: u16, class: Class) -> Option<Self> {
        // two words, and words of ILP32 are shorter
        let is_short = machine == h::EM_AARCH64 && class == Class::Elf32;
        LAYOUTS
            .into_iter()
            .find(|(number, _)| *number == machine && !is_short)
            .map(|(_, layout)| layout)
    }

    /// Returns the distance in bytes from the thread pointer to the first byte of the
    /// program's own block, which link editors and dynamic linkers compute alike: as near
    /// as it can be, where the block is aligned as its initial values are in the file.
    #[must_use]
    pub fn program_block(self, tls: &Tls) -> i64 {
        let mask = tls.align.max(1).wrapping_sub(1);
        let distance = match self {
            Self::Above { reserved } => {
                reserved.wrapping_add(tls.vaddr.wrapping_sub(reserved) & mask)
            }
            Self::Below => {
                let end = tls.vaddr.wrapping_add(tls.memsz);
                let gap = end.wrapping_neg() & mask;
                tls.memsz.wrapping_add(gap).wrapping_neg()
            }
        };
        distance.cast_signed()
    }

    /// Returns the distance in bytes from the thread pointer to the first byte of the block
    /// whose `l_tls_offset` (glibc) this is.
    #[must_use]
    pub const fn block(self, offset: u64) -> i64 {
        match self {
            Self::Above { .. } => offset.cast_signed(),
            Self::Below => offset.wrapping_neg().cast_signed(),
        }
    }

    /// Returns whether a distance from the thread pointer is within a control block of at
    /// most `most_bytes`.
    #[must_use]
    pub fn is_in_control_block(self, distance: i64, most_bytes: i64) -> bool {
        match self {
            Self::Above { .. } => (-most_bytes..0).contains(&distance),
            Self::Below => (0..most_bytes).contains(&distance),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ABOVE: TlsLayout = TlsLayout::Above { reserved: 16 };

    fn tls(memsz: u64, align: u64, vaddr: u64) -> Tls {
        Tls {
            memsz,
            filesz: 0,
            align,
            vaddr,
        }
    }

    #[test]
    fn the_first_block_below_ends_at_the_thread_pointer() {
        let block = |memsz, align, vaddr| TlsLayout::Below.program_block(&tls(memsz, align, vaddr));
        assert_eq!(block(32, 32, 0x3dc0), -32);
        assert_eq!(block(40, 32, 0x3dc0), -64);
        assert_eq!(block(0, 0, 0), 0);
        // the values begin in the middle of an aligned place
        assert_eq!(block(4, 16, 0x1008), -8);
        assert_eq!(TlsLayout::Below.block(64), -64);
    }

    #[test]
    fn the_first_block_above_comes_after_the_libcs_two_words() {
        let block = |align, vaddr| ABOVE.program_block(&tls(32, align, vaddr));
        assert_eq!(block(4, 0x1000), 16);
        assert_eq!(block(32, 0x1000), 32);
        assert_eq!(block(64, 0x1010), 16);
        assert_eq!(block(0, 0), 16);
        assert_eq!(ABOVE.block(64), 64);
    }

    #[test]
    fn the_control_block_is_on_the_other_side() {
        assert!(ABOVE.is_in_control_block(-32, 8192));
        assert!(!ABOVE.is_in_control_block(0, 8192));
        assert!(TlsLayout::Below.is_in_control_block(0, 8192));
        assert!(!TlsLayout::Below.is_in_control_block(-32, 8192));
    }

    #[test]
    fn unknown_machines_have_none() {
        assert_eq!(TlsLayout::of(h::EM_RISCV, Class::Elf64), None);
        assert_eq!(TlsLayout::of(h::EM_AARCH64, Class::Elf32), None);
        assert_eq!(TlsLayout::of(h::EM_AARCH64, Class::Elf64), Some(ABOVE));
    }
}
