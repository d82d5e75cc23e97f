//! The cheapest sign of an area of its own in a file.

use core::ops::ControlFlow;

use crate::elf::{Names, Object, Source, Strings};

use super::SectionName;

/// Returns whether the file has critical sections (`__rseq_cs` or `__rseq_cs_ptr_array`), or
/// is an owner of its own (`.note.rseq_owner`).
///
/// Reads section headers and their names only. The names survive strip, and no
/// symbol table is read, however large: the shim asks this at start-up.
#[must_use]
pub fn may_bring_an_area<S: Source>(object: &Object<S>) -> bool {
    const NAMES: [&[u8]; 3] = [
        SectionName::Descriptors.name().as_bytes(),
        SectionName::Pointers.name().as_bytes(),
        SectionName::Owner.name().as_bytes(),
    ];
    let found = object.section_names().and_then(|section| {
        let strings = Strings {
            offset: section.offset,
            size: section.size,
        };
        object.find_names(strings, &Names::exactly(&NAMES))
    });
    let Ok(names) = found else {
        return false;
    };
    let walked = object.sections(|_, section| {
        if names.name_at(section.name).is_some() {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    });
    matches!(walked, Ok(Some(())))
}
