//! A tiny linker for the layouts that the system's compiler does not make: one
//! shared object, the same in both classes and both byte orders.

use tls_model::elf::{Class, Endian};

/// Link-time address of the first byte.
pub const BASE: u64 = 0x1_0000;

/// Every layout.
pub const LAYOUTS: [(Class, Endian); 4] = [
    (Class::Elf32, Endian::Little),
    (Class::Elf32, Endian::Big),
    (Class::Elf64, Endian::Little),
    (Class::Elf64, Endian::Big),
];

const EM_PPC: u64 = 20;
const EM_PPC64: u64 = 21;
const R_PPC_TPREL: u64 = 73;

/// Bytes in the making.
struct Writer {
    class: Class,
    endian: Endian,
    bytes: Vec<u8>,
}

impl Writer {
    fn uint(&mut self, value: u64, width: usize) {
        let little = &value.to_le_bytes()[..width];
        match self.endian {
            Endian::Little => self.bytes.extend(little),
            Endian::Big => self.bytes.extend(little.iter().rev()),
        }
    }

    fn half(&mut self, value: u64) {
        self.uint(value, 2);
    }

    fn word(&mut self, value: u64) {
        self.uint(value, 4);
    }

    /// As wide as an address.
    fn wide(&mut self, value: u64) {
        self.uint(value, self.pick(4, 8));
    }

    fn pick<T>(&self, elf32: T, elf64: T) -> T {
        match self.class {
            Class::Elf32 => elf32,
            Class::Elf64 => elf64,
        }
    }

    fn here(&self) -> u64 {
        self.bytes.len() as u64
    }

    fn segment(&mut self, kind: u64, offset: u64, filesz: u64, memsz: u64, align: u64) {
        let address = BASE + offset;
        self.word(kind);
        if self.class == Class::Elf64 {
            self.word(4);
        }
        for value in [offset, address, address, filesz, memsz] {
            self.wide(value);
        }
        if self.class == Class::Elf32 {
            self.word(4);
        }
        self.wide(align);
    }

    fn symbol(&mut self, name: u64, value: u64, size: u64, info: u64, section: u64) {
        self.word(name);
        if self.class == Class::Elf32 {
            self.word(value);
            self.word(size);
        }
        self.uint(info, 1);
        self.uint(0, 1);
        self.half(section);
        if self.class == Class::Elf64 {
            self.wide(value);
            self.wide(size);
        }
    }
}

/// Symbol names and what else is in the string table.
const STRINGS: &[u8] = b"\0__rseq_abi\0__rseq_offset\0libnext.so\0libcraft.so\0";
const ABI: u64 = 1;
const OFFSET: u64 = 12;
const NEXT: u64 = 26;
const SONAME: u64 = 37;

/// A shared object that defines `__rseq_abi` (32 bytes at offset 64 of 96 bytes
/// of thread-local storage), uses it through initial-exec, references
/// `__rseq_offset` weakly, needs `libnext.so` and is called `libcraft.so`. It
/// has a System V hash table and no section headers.
///
/// Addresses in the dynamic section have `bias` added, as a dynamic linker
/// that relocates them in place leaves them.
///
/// # Panics
///
/// Never: what it checks is its own arithmetic.
#[must_use]
pub fn library(class: Class, endian: Endian, bias: u64) -> Vec<u8> {
    // lengths first: everything else follows from them
    let (header, segment, symbol, relocation, entry) = match class {
        Class::Elf32 => (52, 32, 16, 12, 8),
        Class::Elf64 => (64, 56, 24, 24, 16),
    };
    let symbols_at = header + 3 * segment;
    let strings_at = symbols_at + 3 * symbol;
    let hash_at = (strings_at + STRINGS.len() as u64).next_multiple_of(8);
    let relocations_at = hash_at + 6 * 4;
    let tls_at = relocations_at + relocation;
    let dynamic_at = tls_at + 32;
    let dynamic = [
        (1, NEXT),
        (14, SONAME),
        (5, BASE + bias + strings_at),
        (10, STRINGS.len() as u64),
        (6, BASE + bias + symbols_at),
        (11, symbol),
        (4, BASE + bias + hash_at),
        (7, BASE + bias + relocations_at),
        (8, relocation),
        (9, relocation),
        (30, 0x10),       // DF_STATIC_TLS
        (0x6fff_fffb, 8), // DF_1_NODELETE
        (0, 0),
    ];
    let end = dynamic_at + dynamic.len() as u64 * entry;

    let mut out = Writer {
        class,
        endian,
        bytes: b"\x7fELF".to_vec(),
    };
    out.uint(out.pick(1, 2), 1);
    out.uint(if endian == Endian::Little { 1 } else { 2 }, 1);
    out.uint(1, 1);
    out.bytes.resize(16, 0);
    out.half(3); // ET_DYN
    out.half(out.pick(EM_PPC, EM_PPC64));
    out.word(1);
    out.wide(0);
    out.wide(header);
    out.wide(0);
    out.word(0);
    for value in [header, segment, 3, 0, 0, 0] {
        out.half(value);
    }

    out.segment(1, 0, end, end, 0x1000);
    out.segment(2, dynamic_at, end - dynamic_at, end - dynamic_at, 8);
    out.segment(7, tls_at, 32, 96, 32);

    assert_eq!(out.here(), symbols_at);
    out.symbol(0, 0, 0, 0, 0);
    out.symbol(ABI, 64, 32, 0x16, 1);
    out.symbol(OFFSET, 0, 0, 0x20, 0);
    out.bytes.extend(STRINGS);
    out.bytes.resize(hash_at as usize, 0);
    for value in [1, 3, 1, 0, 2, 0] {
        out.word(value);
    }
    assert_eq!(out.here(), relocations_at);
    out.wide(BASE + tls_at);
    out.wide(out.pick(1 << 8, 1 << 32) | R_PPC_TPREL);
    out.wide(0);
    out.bytes.resize(dynamic_at as usize, 0);
    for (tag, value) in dynamic {
        out.wide(tag);
        out.wide(value);
    }
    assert_eq!(out.here(), end);
    out.bytes
}
