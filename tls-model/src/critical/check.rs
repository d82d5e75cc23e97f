//! What the kernel demands of a descriptor before it lets a thread go on.

use crate::elf::{Endian, Layout};
use crate::facts::Facts;
use crate::rseq::arch;

use super::{Contents, CriticalSection, Violation};

/// Returns the signature that libc and librseq register with on the machine of an
/// object, read in the object's byte order: the one that has to stand before its
/// abort handlers.
///
/// On Arm it is an instruction, and these are little-endian whatever data is (Arm
/// Architecture Reference Manual, B2.6.2; glibc, `bits/rseq.h`).
#[must_use]
pub fn signature_of(machine: u16, layout: Layout) -> Option<u32> {
    let arch = arch::of_object(machine, layout.class.bits())?;
    Some(match layout.endian {
        Endian::Big if arch.little_endian_code => arch.signature.swap_bytes(),
        Endian::Big | Endian::Little => arch.signature,
    })
}

/// Returns every demand of the kernel (`kernel/rseq.c`, `include/linux/rseq_entry.h`)
/// that a descriptor does not meet. `start` and `last` say where its first and
/// its last byte of code are.
pub fn kernel_checks(
    facts: &Facts,
    section: &CriticalSection,
    start: Option<Contents>,
    last: Option<Contents>,
) -> impl Iterator<Item = Violation> {
    let known = signature_of(facts.machine, facts.layout);
    let runs = |contents: Option<Contents>| contents.is_some_and(|contents| contents.executable);
    let end = section.start.address.checked_add(section.length);
    let in_range = runs(start) && runs(last) && section.length != 0 && end.is_some();
    [
        (section.version != 0, Violation::Version),
        (section.flags != 0, Violation::Flags),
        (!in_range, Violation::Range),
        (section.contains(section.abort), Violation::AbortInside),
        (
            known.is_some() && section.signature != known,
            Violation::Signature,
        ),
    ]
    .into_iter()
    .filter(|(broken, _)| *broken)
    .map(|(_, violation)| violation)
}
