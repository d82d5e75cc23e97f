//! The suite on this machine's kernel, with any C library.

use super::World;
use rseq_kit::machine::Machine;
use rseq_lab_conformance::table::Column;
use rseq_lab_conformance::{Known, Owner, Programs, Root};

/// Asks these owners, as far as this C library knows them.
///
/// # Errors
///
/// The suite does not build, or cannot be started.
pub fn ask(libc: &str, owners: &[Owner]) -> Result<Vec<World>, String> {
    let root = Root::open(libc)?;
    let programs = Programs::for_root(&root)?;
    let place = programs.place(&root)?;
    let known = Known::read()?;
    let owners = owners.iter().copied();
    let owners = owners.filter(|owner| owner.applies_to(root.glibc));
    owners
        .map(|owner| {
            let column = Column::run(programs, "", owner, &root, &place, &known)?;
            Ok(World {
                machine: Machine::X86_64,
                kernel: "host".to_owned(),
                libc: libc.to_owned(),
                subject: owner.name().to_owned(),
                judged: column.judged,
            })
        })
        .collect()
}
