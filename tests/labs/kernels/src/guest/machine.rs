//! The machines that are emulated, by architecture.

use rseq_kit::machine::Machine;

/// The emulator.
#[must_use]
pub fn qemu(machine: Machine) -> &'static str {
    match machine {
        Machine::X86_64 => "qemu-system-x86_64",
        Machine::Aarch64 => "qemu-system-aarch64",
        Machine::S390x => "qemu-system-s390x",
    }
}

/// What the names of its kernels' packages end with: few drivers, quick to start.
pub(super) fn flavour(machine: Machine) -> &'static str {
    match machine {
        Machine::X86_64 => "-cloud-amd64",
        Machine::Aarch64 => "-cloud-arm64",
        Machine::S390x => "-s390x",
    }
}

/// What qemu is told of the hardware, but for the processor and the serial lines.
pub(super) fn hardware(machine: Machine) -> &'static [&'static str] {
    match machine {
        Machine::X86_64 => &[],
        Machine::Aarch64 => &["-M", "virt"],
        Machine::S390x => &["-M", "s390-ccw-virtio"],
    }
}

/// The processor, where none is asked for.
pub(super) fn processor(machine: Machine) -> &'static str {
    match machine {
        // cx16 with -cpu max crashes guests of Linux 6.12 under qemu 7.2
        Machine::X86_64 => "max,-cx16",
        // one without signed pointers: these take ten times as long
        Machine::Aarch64 => "cortex-a57",
        Machine::S390x => "max",
    }
}

/// The kernel's own words: on the serial line that is shown.
pub(super) fn kernel_arguments(machine: Machine) -> &'static str {
    match machine {
        // no_timer_check: on a busy host an emulated timer may be too slow for the
        // kernel's test of it, which ends in a panic
        Machine::X86_64 => "console=ttyS0 quiet panic=-1 no_timer_check",
        Machine::Aarch64 => "console=ttyAMA0 quiet panic=-1",
        // what would be said among the results: that there are no random numbers for
        // KASLR, and which program has crashed
        Machine::S390x => "console=ttyS0 quiet panic=-1 nokaslr sysctl.debug.exception-trace=0",
    }
}

/// Two serial lines: one that is shown, and one whose output goes to a file.
pub(super) fn lines(machine: Machine, file: &str) -> Vec<String> {
    let serial = |line: &str| ["-serial".to_owned(), line.to_owned()];
    let (shown, results) = (serial("stdio"), serial(&format!("file:{file}")));
    match machine {
        Machine::X86_64 => [shown, results].concat(),
        // the first is the one that takes any bytes
        Machine::S390x => [results, shown].concat(),
        Machine::Aarch64 => {
            let device = [
                "-chardev".to_owned(),
                format!("file,id=results,path={file}"),
                "-device".to_owned(),
                "pci-serial,chardev=results".to_owned(),
            ];
            [&shown[..], &device].concat()
        }
    }
}
