//! The machines that are emulated, by architecture.

/// An architecture of guests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Machine {
    /// This machine's own.
    X86_64,
    /// 64-bit Arm.
    Aarch64,
}

impl Machine {
    /// The emulator.
    #[must_use]
    pub fn qemu(self) -> &'static str {
        match self {
            Self::X86_64 => "qemu-system-x86_64",
            Self::Aarch64 => "qemu-system-aarch64",
        }
    }

    /// What the names of its kernels' packages end with: few drivers, quick to start.
    pub(super) fn flavour(self) -> &'static str {
        match self {
            Self::X86_64 => "-cloud-amd64",
            Self::Aarch64 => "-cloud-arm64",
        }
    }

    /// As Debian calls it, where that is not this machine's own.
    pub(super) fn foreign(self) -> Option<&'static str> {
        match self {
            Self::X86_64 => None,
            Self::Aarch64 => Some("arm64"),
        }
    }

    /// The compiler of its programs.
    #[must_use]
    pub fn compiler(self) -> &'static str {
        match self {
            Self::X86_64 => "cc",
            Self::Aarch64 => "aarch64-linux-gnu-gcc",
        }
    }

    /// What qemu is told of the hardware, but for the processor and the serial lines.
    pub(super) fn hardware(self) -> &'static [&'static str] {
        match self {
            Self::X86_64 => &[],
            Self::Aarch64 => &["-M", "virt"],
        }
    }

    /// The processor, where none is asked for.
    pub(super) fn processor(self) -> &'static str {
        match self {
            // cx16 with -cpu max crashes guests of Linux 6.12 under qemu 7.2
            Self::X86_64 => "max,-cx16",
            // one without signed pointers: these take ten times as long
            Self::Aarch64 => "cortex-a57",
        }
    }

    /// The kernel's own words: on the first serial line.
    pub(super) fn kernel_arguments(self) -> &'static str {
        match self {
            // no_timer_check: on a busy host an emulated timer may be too slow for the
            // kernel's test of it, which ends in a panic
            Self::X86_64 => "console=ttyS0 quiet panic=-1 no_timer_check",
            Self::Aarch64 => "console=ttyAMA0 quiet panic=-1",
        }
    }

    /// The second serial line, whose output goes to a file.
    pub(super) fn results(self, file: &str) -> Vec<String> {
        match self {
            Self::X86_64 => vec!["-serial".to_owned(), format!("file:{file}")],
            Self::Aarch64 => vec![
                "-chardev".to_owned(),
                format!("file,id=results,path={file}"),
                "-device".to_owned(),
                "pci-serial,chardev=results".to_owned(),
            ],
        }
    }
}
