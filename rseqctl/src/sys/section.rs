//! The assembly of the command: one critical section that waits inside for
//! something to happen to it.
//!
//! # Safety
//!
//! The critical section writes to its own area and to the variables handed to it,
//! and its abort handler has the signature in front of it.
#![allow(unsafe_code, reason = "see Safety above")]

use std::sync::atomic::AtomicU32;

use super::area::Area;

/// What the critical section and whoever interrupts it tell each other.
#[repr(C)]
#[derive(Debug, Default)]
pub struct Handshake {
    /// 1 while the thread is in the section; 2 after it has gone through.
    pub inside: AtomicU32,
    /// Not 0: leave the section by its end.
    pub stop: AtomicU32,
    /// Not 0: whoever is to interrupt it is looking.
    pub ready: AtomicU32,
}

/// How the thread came out of the critical section.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Through the abort handler: the kernel has sent it there.
    Aborted,
    /// By its end.
    WentThrough,
}

/// Whether this architecture's critical section is written.
pub const IS_WRITTEN: bool = cfg!(any(target_arch = "x86_64", target_arch = "aarch64"));

/// Enters the critical section and stays there until the kernel aborts it,
/// `stop` is set, or `most` rounds are over. The area must be registered for
/// the calling thread with this machine's signature.
///
/// The descriptor is not in a section named `__rseq_cs`: that would make the
/// command look like a program with an area of its own.
///
/// Where it is not written ([`IS_WRITTEN`]), it comes out at once, by its end.
pub fn wait_inside(area: Area, handshake: &Handshake, most: u64) -> Outcome {
    if enter(area, handshake, most.max(1)) == 0 {
        Outcome::WentThrough
    } else {
        Outcome::Aborted
    }
}

/// The section itself. Returns whether it was aborted: 0 or 1.
#[cfg(target_arch = "x86_64")]
fn enter(area: Area, handshake: &Handshake, most: u64) -> u32 {
    use std::mem::offset_of;

    use tls_model::rseq::Rseq;
    use tls_model::rseq::arch::X86_64;

    let aborted: u32;
    // SAFETY: writes to `rseq_cs` of a live area and to the live handshake. The
    // kernel changes nothing but the instruction pointer on the way to the
    // abort handler, which stands in this block and uses the same registers.
    // start_ip follows the store to rseq_cs without a gap, as the kernel
    // forgets a section that it interrupts before its start.
    unsafe {
        std::arch::asm!(
            ".pushsection .data.rel.ro.rseqctl, \"aw\"",
            ".balign 32",
            "20:",
            ".long 0, 0",
            ".quad 21f, 25f - 21f, 26f",
            ".popsection",
            "lea {scratch}, [rip + 20b]",
            "mov qword ptr [{area} + {rseq_cs}], {scratch}",
            // start_ip
            "21:",
            "mov dword ptr [{handshake} + {inside}], 1",
            "22:",
            "cmp dword ptr [{handshake} + {stop}], 0",
            "jne 24f",
            "sub {most}, 1",
            "jnz 22b",
            "24:",
            // the commit
            "mov dword ptr [{handshake} + {inside}], 2",
            "25:",
            "xor {aborted:e}, {aborted:e}",
            "jmp 27f",
            // `ud1 edi, [rip + signature]`: no code that runs into it
            ".byte 0x0f, 0xb9, 0x3d",
            ".long {signature}",
            // abort_ip
            "26:",
            "mov {aborted:e}, 1",
            "27:",
            "mov qword ptr [{area} + {rseq_cs}], 0",
            area = in(reg) area.address(),
            handshake = in(reg) handshake,
            most = inout(reg) most => _,
            scratch = out(reg) _,
            aborted = out(reg) aborted,
            rseq_cs = const offset_of!(Rseq, rseq_cs),
            inside = const offset_of!(Handshake, inside),
            stop = const offset_of!(Handshake, stop),
            signature = const X86_64.signature,
            options(nostack),
        );
    }
    aborted
}

/// Does the same as its namesake for x86-64.
#[cfg(target_arch = "aarch64")]
fn enter(area: Area, handshake: &Handshake, most: u64) -> u32 {
    use std::mem::offset_of;

    use tls_model::rseq::Rseq;
    use tls_model::rseq::arch::AARCH64;

    let aborted: u32;
    // SAFETY: as in its namesake. The signature is an instruction that is an error
    // (`brk #0x45e0`), and nothing runs into it.
    unsafe {
        std::arch::asm!(
            ".pushsection .data.rel.ro.rseqctl, \"aw\"",
            ".balign 32",
            "20:",
            ".long 0, 0",
            ".quad 21f, 25f - 21f, 26f",
            ".popsection",
            "adrp {scratch}, 20b",
            "add {scratch}, {scratch}, :lo12:20b",
            "str {scratch}, [{area}, #{rseq_cs}]",
            // start_ip
            "21:",
            "mov {scratch:w}, #1",
            "str {scratch:w}, [{handshake}, #{inside}]",
            "22:",
            "ldr {scratch:w}, [{handshake}, #{stop}]",
            "cbnz {scratch:w}, 24f",
            "sub {most}, {most}, #1",
            "cbnz {most}, 22b",
            "24:",
            "mov {scratch:w}, #2",
            // the commit
            "str {scratch:w}, [{handshake}, #{inside}]",
            "25:",
            "mov {aborted:w}, wzr",
            "b 27f",
            ".inst {signature}",
            // abort_ip
            "26:",
            "mov {aborted:w}, #1",
            "27:",
            "str xzr, [{area}, #{rseq_cs}]",
            area = in(reg) area.address(),
            handshake = in(reg) handshake,
            most = inout(reg) most => _,
            scratch = out(reg) _,
            aborted = out(reg) aborted,
            rseq_cs = const offset_of!(Rseq, rseq_cs),
            inside = const offset_of!(Handshake, inside),
            stop = const offset_of!(Handshake, stop),
            signature = const AARCH64.signature,
            options(nostack),
        );
    }
    aborted
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn enter(_: Area, _: &Handshake, _: u64) -> u32 {
    0
}
