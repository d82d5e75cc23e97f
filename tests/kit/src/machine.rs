//! Architectures that programs are built for and run on.

use crate::debian::Suite;

/// An architecture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Machine {
    /// That of the machines that run the tests.
    X86_64,
    /// 64-bit Arm.
    Aarch64,
    /// z/Architecture with 64 bits: big-endian.
    S390x,
}

impl Machine {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::X86_64, Self::Aarch64, Self::S390x];

    /// Returns the name that Linux uses (`uname -m`).
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::X86_64 => "x86_64",
            Self::Aarch64 => "aarch64",
            Self::S390x => "s390x",
        }
    }

    /// Returns the name that rustc uses, with Linux and glibc.
    #[must_use]
    pub fn target(self) -> &'static str {
        match self {
            Self::X86_64 => "x86_64-unknown-linux-gnu",
            Self::Aarch64 => "aarch64-unknown-linux-gnu",
            Self::S390x => "s390x-unknown-linux-gnu",
        }
    }

    /// Returns what Debian calls it, where that is not this machine's own.
    #[must_use]
    pub fn foreign(self) -> Option<&'static str> {
        match self {
            Self::X86_64 => None,
            Self::Aarch64 => Some("arm64"),
            Self::S390x => Some("s390x"),
        }
    }

    /// Returns the compiler of its programs.
    #[must_use]
    pub fn compiler(self) -> &'static str {
        match self {
            Self::X86_64 => "cc",
            Self::Aarch64 => "aarch64-linux-gnu-gcc",
            Self::S390x => "s390x-linux-gnu-gcc",
        }
    }

    /// Returns the name of Debian's folder of its libraries.
    #[must_use]
    pub fn libraries(self) -> &'static str {
        match self {
            Self::X86_64 => "x86_64-linux-gnu",
            Self::Aarch64 => "aarch64-linux-gnu",
            Self::S390x => "s390x-linux-gnu",
        }
    }

    /// Returns where its programs look for glibc's dynamic linker.
    #[must_use]
    pub fn linker(self) -> &'static str {
        match self {
            Self::X86_64 => "/lib64/ld-linux-x86-64.so.2",
            Self::Aarch64 => "/lib/ld-linux-aarch64.so.1",
            Self::S390x => "/lib/ld64.so.1",
        }
    }

    /// Returns the file name of that.
    #[must_use]
    pub fn linker_name(self) -> &'static str {
        let path = self.linker();
        path.rsplit_once('/').map_or(path, |(_, name)| name)
    }

    /// Opens the Debian suite `name` for it.
    ///
    /// # Errors
    ///
    /// As [`Suite::open`].
    pub fn suite(self, name: &str) -> Result<Suite, String> {
        match self.foreign() {
            None => Suite::open(name),
            Some(architecture) => Suite::open_for(name, architecture),
        }
    }
}
