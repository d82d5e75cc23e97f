//! What the code of an object's critical sections does, and which code writes
//! to fields of `__rseq_abi` that belong to the kernel.
//!
//! Inside a critical section every instruction is decoded from its first byte
//! on, so what is seen there is *proved*, unless the address that it uses had
//! to be followed through registers. Outside, the code is searched for the
//! few instructions that lead to the area (a constant offset from the thread
//! pointer, or the slot that holds the area's offset) and followed from there
//! in a straight line: what is seen there is *likely*.

#![forbid(unsafe_code)]

mod a64;
mod area;
mod code;
mod headerless;
mod hits;
mod model;
mod search;
mod section;
mod x86;

use tls_model::critical::{Critical, CriticalSection, Violation, kernel_checks};
use tls_model::elf::{Error, Object, Source};
use tls_model::facts::{Damage, Evidence, Facts, Kind, SectionName};

use area::Area;
use search::Searched;

/// Reads the facts about an object, those about its critical sections and its
/// code included. An object that has nothing to do with rseq costs no more
/// than [`Facts::read`].
#[must_use]
pub fn read<S: Source>(object: &Object<S>) -> Facts {
    let mut facts = Facts::read(object);
    facts.read_names(object);
    let has_sections = facts.sections.size(SectionName::Descriptors).is_some()
        || facts.sections.size(SectionName::Pointers).is_some();
    let area = Area::of(&facts);
    let is_headerless = headerless::is_needed(object, &facts);
    if matches!(facts.kind, Kind::Debug | Kind::Core | Kind::Other)
        || !has_sections && !area.is_known() && !is_headerless
    {
        return facts;
    }
    let mut critical = Critical::default();
    critical.found = is_headerless;
    match examine(object, &facts, &area, &mut critical) {
        Ok(searched) => model::refine(&mut facts, &area, &critical, searched),
        Err(error) => {
            facts.damage.insert(Damage::CODE);
            facts.truncated |= error == Error::Truncated;
        }
    }
    facts.critical = Some(critical);
    facts
}

fn examine<S: Source>(
    object: &Object<S>,
    facts: &Facts,
    area: &Area,
    critical: &mut Critical,
) -> Result<Searched, Error> {
    let critical_found = critical.found;
    let mut failed = Ok(());
    let mut visit = |section: &CriticalSection| {
        if section.is_void() {
            critical.void = critical.void.saturating_add(1);
            return;
        }
        critical.read = critical.read.saturating_add(1);
        if let Err(error) = one(object, facts, area, section, critical) {
            failed = Err(error);
        }
    };
    let visited = if critical_found {
        let addresses = headerless::descriptors(object, facts)?;
        object.critical_sections_at(&addresses, |section| {
            // what has no code is another thing that looks like one
            let start = object.contents(section.start);
            if section.version == 0 && start.is_ok_and(|start| start.executable) {
                visit(section);
            }
        })?
    } else {
        object.critical_sections(visit)?
    };
    critical.unread = visited.unread;
    if let Some(first) = visited.first_astray {
        for _ in 0..visited.astray {
            critical.note(Violation::Pointer, first, Evidence::Proved);
        }
    }
    failed?;
    search::run(object, facts, area, critical)
}

/// Checks one critical section.
fn one<S: Source>(
    object: &Object<S>,
    facts: &Facts,
    area: &Area,
    section: &CriticalSection,
    critical: &mut Critical,
) -> Result<(), Error> {
    let start = object.contents(section.start).ok();
    let mut last = section.start;
    last.address = last.address.wrapping_add(section.length.saturating_sub(1));
    let last = object.contents(last).ok();
    let mut broken = false;
    for violation in kernel_checks(facts, section, start, last) {
        broken |= violation == Violation::Range;
        critical.note(violation, section.descriptor, Evidence::Proved);
    }
    match start {
        Some(start) if !broken => section::decode(object, facts, area, section, start, critical),
        _ => Ok(()),
    }
}
