//! The machines that are emulated, by architecture.

use rseq_kit::machine::Machine;

/// The emulator.
#[must_use]
pub fn qemu(machine: Machine) -> &'static str {
    match machine {
        Machine::X86_64 => "qemu-system-x86_64",
        Machine::Aarch64 => "qemu-system-aarch64",
    }
}

/// What the names of its kernels' packages end with: few drivers, quick to start.
pub(super) fn flavour(machine: Machine) -> &'static str {
    match machine {
        Machine::X86_64 => "-cloud-amd64",
        Machine::Aarch64 => "-cloud-arm64",
    }
}

/// What qemu is told of the hardware, but for the processor and the serial lines.
pub(super) fn hardware(machine: Machine) -> &'static [&'static str] {
    match machine {
        Machine::X86_64 => &[],
        Machine::Aarch64 => &["-M", "virt"],
    }
}

/// The processor, where none is asked for.
pub(super) fn processor(machine: Machine) -> &'static str {
    match machine {
        // cx16 with -cpu max crashes guests of Linux 6.12 under qemu 7.2
        Machine::X86_64 => "max,-cx16",
        // one without signed pointers: these take ten times as long
        Machine::Aarch64 => "cortex-a57",
    }
}

/// The kernel's own words: on the first serial line.
pub(super) fn kernel_arguments(machine: Machine) -> &'static str {
    match machine {
        // no_timer_check: on a busy host an emulated timer may be too slow for the
        // kernel's test of it, which ends in a panic
        Machine::X86_64 => "console=ttyS0 quiet panic=-1 no_timer_check",
        Machine::Aarch64 => "console=ttyAMA0 quiet panic=-1",
    }
}

/// The second serial line, whose output goes to a file.
pub(super) fn results(machine: Machine, file: &str) -> Vec<String> {
    match machine {
        Machine::X86_64 => vec!["-serial".to_owned(), format!("file:{file}")],
        Machine::Aarch64 => vec![
            "-chardev".to_owned(),
            format!("file,id=results,path={file}"),
            "-device".to_owned(),
            "pci-serial,chardev=results".to_owned(),
        ],
    }
}
