//! What a program's dynamic linker has built in, on the processor that we run on.

use std::path::Path;

use tls_model::elf::Class;

use super::hardware::Hardware;
use super::linker::Linker;
use super::loaded::Loaded;
use crate::sys::processor::Processor;

/// What a dynamic linker has built in.
#[derive(Debug)]
pub(super) struct Platform {
    /// The default folders, in order, without a slash at the end.
    pub(super) folders: Vec<Vec<u8>>,
    /// `$LIB`.
    pub(super) lib: Vec<u8>,
    /// `$PLATFORM`, and the folders of the processor.
    pub(super) hardware: Hardware,
    /// Flags of its libraries in ld.so.cache.
    pub(super) cache_flags: Option<u32>,
}

impl Platform {
    /// Returns that of the dynamic linker at `linker`; of a usual one where it cannot be
    /// read.
    pub(super) fn of(linker: Option<&Path>, main: &Loaded) -> Self {
        let machine = main.report.facts.machine_name().unwrap_or_default();
        let mut linker = linker.and_then(Linker::read).unwrap_or_else(Linker::usual);
        if linker.folders.is_empty() {
            linker.folders = usual(main.report.facts.layout.class);
        }
        let lib = linker.folders.first().map(|first| first[1..].to_vec());
        Self {
            lib: lib.unwrap_or_default(),
            hardware: Hardware::of(&linker, machine, Processor::here()),
            cache_flags: cache_flags(machine),
            folders: linker.folders,
        }
    }
}

fn usual(class: Class) -> Vec<Vec<u8>> {
    let folders: [&[u8]; 2] = match class {
        Class::Elf64 => [b"/lib64", b"/usr/lib64"],
        Class::Elf32 => [b"/lib", b"/usr/lib"],
    };
    folders.map(<[u8]>::to_vec).to_vec()
}

/// Returns `FLAG_ELF_LIBC6` and the machine's own (glibc, sysdeps/generic/ldconfig.h).
fn cache_flags(machine: &str) -> Option<u32> {
    Some(match machine {
        "x86_64" => 0x0303,
        "x32" => 0x0803,
        "i386" => 0x0003,
        "aarch64" => 0x0a03,
        // with floating-point arguments in registers, as distributions have it
        "arm" => 0x0903,
        "s390x" => 0x0403,
        "ppc64" => 0x0503,
        "riscv64" => 0x1003,
        "loongarch64" => 0x1203,
        _ => return None,
    })
}
