//! Objects of a program that a process emulates.

use tls_model::facts::ObjectKind;

use super::image::{Image, Instance};
use super::list::List;

/// Finds out which objects belong to an emulated program: another dynamic
/// linker, or another program, is mapped that is not in the list of the
/// process's own, and neither are they.
pub(super) fn find_guests(image: &mut Image, list: Option<&List>) {
    let is_static = image
        .program()
        .is_some_and(|it| it.file.report.facts.is_static);
    if image.linker.is_none() && !is_static {
        // it could not be seen which objects are its own
        return;
    }
    let is_stranger = |index: usize, it: &Instance| {
        let has = list.is_some_and(|list| list.has(it.bias));
        Some(index) != image.main && Some(index) != image.linker && !has
    };
    let begins = |it: &Instance| {
        it.file.is_named("ld-") || it.file.report.facts.kind == ObjectKind::Executable
    };
    let objects = || image.objects.iter().enumerate();
    if !objects().any(|(index, it)| begins(it) && is_stranger(index, it)) {
        return;
    }
    // before glibc 2.35 what dlmopen has loaded is not listed, either
    let is_all_listed = image.linker.is_none() || list.is_some_and(|list| list.has_spaces);
    let is_guest = |(index, it)| is_stranger(index, it) && (is_all_listed || begins(it));
    let guests = objects().map(is_guest).collect();
    image.set_guests(guests);
}
