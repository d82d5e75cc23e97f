//! The reader of objects: one [`ObjectReport`] for the audit, `run` and `ps`,
//! from an object's tables and from its code.
//!
//! The code says what its critical sections do, and which code writes to fields
//! of `__rseq_abi` that belong to the kernel.
//!
//! Inside a critical section every instruction is decoded from its first byte
//! on, so what is seen there is *proved*, unless the address that it uses had
//! to be followed through registers. Outside, the code is searched for the
//! few instructions that lead to the area (a constant offset from the thread
//! pointer, or the slot that holds the area's offset) and followed from there,
//! over jumps and calls: what is seen there is *likely*.

#![forbid(unsafe_code)]

mod a64;
mod area;
mod code;
mod effect;
mod flow;
mod headerless;
mod hits;
mod model;
mod search;
mod section;
mod state;
mod x86;

use tls_model::critical::{Critical, CriticalSection, Violation, kernel_checks};
use tls_model::elf::{Error, Object, Source};
use tls_model::facts::{Damage, Evidence, Facts, ObjectKind, SectionName};
use tls_model::report::ObjectReport;

use area::Area;
use search::Searched;

/// The examples of the page that crates.io shows.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

/// Reads all that an object says: its tables, its constants and its code. An
/// object that has nothing to do with rseq costs no more than [`Facts::read`].
#[must_use]
pub fn read<S: Source>(object: &Object<S>) -> ObjectReport {
    let mut report = ObjectReport::of_tables(Facts::read(object));
    read_names(object, &mut report);
    let facts = &report.facts;
    let has_sections = facts.sections.size(SectionName::Descriptors).is_some()
        || facts.sections.size(SectionName::Pointers).is_some();
    let area = Area::of(facts);
    let is_headerless = headerless::is_needed(object, facts);
    if !can_have_code(facts) || !has_sections && !area.is_known() && !is_headerless {
        return report;
    }
    let mut critical = Critical::default();
    critical.found = is_headerless;
    match examine(object, facts, &area, &mut critical) {
        Ok(searched) => report.code.access = model::refined(facts, &area, &critical, searched),
        Err(error) => report.code.note_damage(Damage::CODE, error),
    }
    report.code.critical = Some(critical);
    report
}

/// Reads what an object says about whose `__rseq_abi` it uses: as [`read`] says
/// it, without following the code. A program of a hundred megabytes is started
/// in no time.
///
/// The code is searched only where there are no section headers: then nothing
/// else shows the critical sections that a hidden definition is known by.
#[must_use]
pub fn read_definitions<S: Source>(object: &Object<S>) -> ObjectReport {
    let mut report = ObjectReport::of_tables(Facts::read(object));
    read_sections(object, &mut report);
    if report.hidden_definition() {
        // whether it asks for another area first
        read_names(object, &mut report);
    }
    report
}

fn read_names<S: Source>(object: &Object<S>, report: &mut ObjectReport) {
    match report.facts.names_among_constants(object) {
        Ok(names) => report.code.asked_by_name = names,
        Err(error) => report.code.note_damage(Damage::SECTIONS, error),
    }
}

/// Counts the critical sections of an object without section headers.
fn read_sections<S: Source>(object: &Object<S>, report: &mut ObjectReport) {
    let facts = &report.facts;
    if !can_have_code(facts) || !headerless::is_needed(object, facts) {
        return;
    }
    let mut critical = Critical::default();
    critical.found = true;
    let visited = visit(object, facts, &mut critical, |critical, _| {
        critical.read = critical.read.saturating_add(1);
    });
    if let Err(error) = visited {
        report.code.note_damage(Damage::CODE, error);
    }
    report.code.critical = Some(critical);
}

fn can_have_code(facts: &Facts) -> bool {
    !matches!(
        facts.kind,
        ObjectKind::Debug | ObjectKind::Core | ObjectKind::Other
    )
}

fn examine<S: Source>(
    object: &Object<S>,
    facts: &Facts,
    area: &Area,
    critical: &mut Critical,
) -> Result<Searched, Error> {
    let mut failed = Ok(());
    visit(object, facts, critical, |critical, section| {
        critical.read = critical.read.saturating_add(1);
        if let Err(error) = one(object, facts, area, section, critical) {
            failed = Err(error);
        }
    })?;
    failed?;
    search::run(object, facts, area, critical)
}

/// Shows every critical section: through the sections that name them, or found
/// by their looks ([`Critical::found`]).
fn visit<S: Source>(
    object: &Object<S>,
    facts: &Facts,
    critical: &mut Critical,
    mut see: impl FnMut(&mut Critical, &CriticalSection),
) -> Result<(), Error> {
    let is_found = critical.found;
    let mut visit = |section: &CriticalSection| {
        if section.is_void() {
            critical.void = critical.void.saturating_add(1);
        } else {
            see(critical, section);
        }
    };
    let visited = if is_found {
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
    Ok(())
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
