//! What the `needs:` of a fixture names.

use super::{Need, Sanitizer, Tool};

impl Need {
    /// Returns the need that a fixture's `needs:` names by `word`.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Some(match word {
            "c++" => Self::CXX,
            "static-libc" => Self::STATIC_LIBC,
            "asan" => Self::new(&Sanitizer("address")),
            "tsan" => Self::new(&Sanitizer("thread")),
            "ubsan" => Self::new(&Sanitizer("undefined")),
            "binutils" => Self::BINUTILS,
            "x86-64" => Self::X86_64,
            "glibc-2.35" => Self::GLIBC_2_35,
            "rseq" => Self::RSEQ,
            "root" => Self::ROOT,
            _ => Self::of(Tool(TOOLS.into_iter().find(|tool| *tool == word)?)),
        })
    }
}

/// Programs that make fixtures and take them apart.
const TOOLS: [&str; 14] = [
    "aarch64-linux-gnu-gcc",
    "bzip2",
    "clang-19",
    "cpio",
    "dpkg-deb",
    "ld.lld-19",
    "mkfifo",
    "rpm2cpio",
    "rpmbuild",
    "s390x-linux-gnu-gcc",
    "unzip",
    "xz",
    "zip",
    "zstd",
];
