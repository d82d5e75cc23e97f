//! What a dynamic linker has built in: its default folders, and the hardware
//! folders of the processor that we run on.

use std::fs;
use std::path::Path;

use tls_model::elf::Class;

use super::loaded::Loaded;

/// The largest dynamic linker that is searched, in bytes. They have 250 KiB.
const LARGEST: u64 = 16 << 20;

/// What a dynamic linker has built in.
#[derive(Debug)]
pub(super) struct Platform {
    /// The default folders, in order, without a slash at the end.
    pub(super) folders: Vec<Vec<u8>>,
    /// `$LIB`.
    pub(super) lib: Vec<u8>,
    /// `$PLATFORM`.
    pub(super) name: &'static str,
    /// Folders below each searched one, the best first.
    pub(super) hardware: Vec<&'static str>,
    /// Flags of its libraries in ld.so.cache.
    pub(super) cache_flags: Option<u32>,
}

impl Platform {
    /// Of the dynamic linker at `linker`; of a usual one where it cannot be
    /// read.
    pub(super) fn of(linker: Option<&Path>, main: &Loaded) -> Self {
        let machine = main.facts.machine_name().unwrap_or_default();
        let folders = linker
            .and_then(built_in)
            .unwrap_or_else(|| usual(main.facts.layout.class));
        let lib = folders.first().map(|first| first[1..].to_vec());
        Self {
            folders,
            lib: lib.unwrap_or_default(),
            name: match machine {
                "i386" => "i686",
                "arm" => "v7l",
                other => other_name(other),
            },
            hardware: hardware(machine),
            cache_flags: cache_flags(machine),
        }
    }
}

fn other_name(machine: &str) -> &'static str {
    ["x86_64", "aarch64", "s390x", "riscv64", "loongarch64"]
        .into_iter()
        .find(|name| *name == machine)
        .unwrap_or("")
}

/// The default folders stand in the dynamic linker as strings, one after the
/// other: `/lib/x86_64-linux-gnu/`, then `/usr` and the same, then others.
fn built_in(linker: &Path) -> Option<Vec<Vec<u8>>> {
    if fs::metadata(linker).ok()?.len() > LARGEST {
        return None;
    }
    let bytes = fs::read(linker).ok()?;
    let is_folder = |text: &[u8]| {
        text.len() > 2 && text.len() < 256 && text.starts_with(b"/") && text.ends_with(b"/")
    };
    let strings: Vec<&[u8]> = bytes.split(|&byte| byte == 0).collect();
    let start = strings.windows(2).position(|pair| {
        is_folder(pair[0])
            && pair[0].starts_with(b"/lib")
            && pair[1].strip_prefix(b"/usr") == Some(pair[0])
    })?;
    let folders = strings.get(start..)?.iter();
    Some(
        folders
            .take_while(|text| is_folder(text))
            .map(|text| text[..text.len() - 1].to_vec())
            .collect(),
    )
}

fn usual(class: Class) -> Vec<Vec<u8>> {
    let folders: [&[u8]; 2] = match class {
        Class::Elf64 => [b"/lib64", b"/usr/lib64"],
        Class::Elf32 => [b"/lib", b"/usr/lib"],
    };
    folders.map(<[u8]>::to_vec).to_vec()
}

/// `glibc-hwcaps` of this processor, where it has the program's machine.
#[cfg(target_arch = "x86_64")]
fn hardware(machine: &str) -> Vec<&'static str> {
    use std::arch::is_x86_feature_detected as has;
    let v2 = has!("sse3") && has!("ssse3") && has!("sse4.1") && has!("sse4.2");
    let v2 = v2 && has!("popcnt") && has!("cmpxchg16b");
    let v3 = v2 && has!("avx") && has!("avx2") && has!("bmi1") && has!("bmi2");
    let v3 = v3 && has!("f16c") && has!("fma") && has!("lzcnt") && has!("movbe");
    let v4 = v3 && has!("avx512f") && has!("avx512bw") && has!("avx512cd");
    let v4 = v4 && has!("avx512dq") && has!("avx512vl");
    [(v4, "x86-64-v4"), (v3, "x86-64-v3"), (v2, "x86-64-v2")]
        .into_iter()
        .filter(|(has, _)| *has && machine == "x86_64")
        .map(|(_, name)| name)
        .collect()
}

#[cfg(not(target_arch = "x86_64"))]
fn hardware(_: &str) -> Vec<&'static str> {
    Vec::new()
}

/// `FLAG_ELF_LIBC6` and the machine's own (glibc, sysdeps/generic/ldconfig.h).
fn cache_flags(machine: &str) -> Option<u32> {
    Some(match machine {
        "x86_64" => 0x0303,
        "x32" => 0x0803,
        "i386" => 0x0003,
        "aarch64" => 0x0a03,
        "s390x" => 0x0403,
        "ppc64" => 0x0503,
        "riscv64" => 0x1003,
        "loongarch64" => 0x1203,
        _ => return None,
    })
}
