//! What a process has mapped: its objects, and where each is.

use std::collections::HashSet;
use std::path::Path;
use std::rc::Rc;

use tls_model::facts::OwnLibrary;

use super::files::{Files, ObjectFile, Unread};
use super::maps::{self, Mapping};
use super::proc::Process;

/// A mapped object.
#[derive(Clone, Debug)]
pub(super) struct Instance {
    pub(super) file: Rc<ObjectFile>,
    /// Its path as the process sees it.
    pub(super) path: String,
    /// The path is gone, or leads to another file by now.
    pub(super) is_deleted: bool,
    /// What has to be added to its link-time addresses.
    pub(super) bias: u64,
}

/// A process's objects.
#[derive(Debug, Default)]
pub(super) struct Image {
    pub(super) objects: Vec<Instance>,
    /// The program itself.
    pub(super) main: Option<usize>,
    /// The dynamic linker that the kernel has mapped for it; none for a static
    /// program, or where that may not be asked.
    pub(super) linker: Option<usize>,
    /// By object: it belongs to a program that this one emulates.
    guests: Vec<bool>,
    /// What is mapped and could not be read: its path, and why.
    pub(super) unread: Vec<(String, Unread)>,
    maps: String,
}

impl Image {
    /// Reads what is mapped.
    ///
    /// # Errors
    ///
    /// The process has ended, or the mappings may not be read.
    pub(super) fn read(process: &Process, files: &mut Files) -> std::io::Result<Self> {
        let text = process.text("maps")?;
        let program = process.executable().ok();
        let program = program.as_deref().map(Path::to_string_lossy);
        let is_main = |mapping: &Mapping<'_>| program.as_deref() == Some(mapping.path);
        // loaded objects have several mappings, but perhaps no code, or code that was moved
        // to larger pages; that of last resort has one, in which it is relocated
        let is_in_one = |it: &Mapping<'_>| it.is_copied && it.offset == 0;
        let (mut met, mut loaded) = (HashSet::new(), HashSet::new());
        for mapping in maps::parse(&text) {
            let Some(id) = mapping.file.filter(|_| !mapping.is_kernels()) else {
                continue;
            };
            let is_object = mapping.is_code || is_in_one(&mapping) || is_main(&mapping);
            if !met.insert(id) || is_object {
                loaded.insert(id);
            }
        }
        let mut image = Self::default();
        let mut told = HashSet::new();
        for mapping in maps::parse(&text) {
            let Some(id) = mapping.file.filter(|id| loaded.contains(id)) else {
                continue;
            };
            let (path, is_deleted) = maps::path_of(mapping.path);
            match files.get(process, id, &mapping.range, Path::new(&path)) {
                Ok(file) => image.add(file, path, is_deleted, &mapping, is_main(&mapping)),
                Err(Unread::NotElf) => {}
                Err(why) if told.insert(id) => image.unread.push((path, why)),
                Err(_) => {}
            }
        }
        image.maps = text;
        let is_narrow = image.program().is_some_and(|it| it.file.is_narrow());
        let base = process.base_of_linker(is_narrow);
        image.linker = image
            .objects
            .iter()
            .position(|it| Some(it.bias) == base)
            // told to load the program, it is the program to the kernel
            .or(image
                .main
                .filter(|main| image.objects[*main].file.is_named("ld-")));
        Ok(image)
    }

    fn add(
        &mut self,
        file: Rc<ObjectFile>,
        path: String,
        is_deleted: bool,
        mapping: &Mapping<'_>,
        is_main: bool,
    ) {
        let (address, offset) = file.first;
        // only the first mapping of an object says where it is
        if mapping.offset > offset || !file.report.facts.is_linked() {
            return;
        }
        // a segment of a small object may begin at the same page of the file
        let is_within = |it: &Instance| {
            let end = it.bias.wrapping_add(it.file.end);
            Rc::ptr_eq(&it.file, &file) && mapping.range.start < end
        };
        if self.objects.last().is_some_and(is_within) {
            return;
        }
        let start = address.wrapping_sub(offset - mapping.offset);
        if is_main && self.main.is_none() {
            self.main = Some(self.objects.len());
        }
        self.objects.push(Instance {
            file,
            path,
            is_deleted,
            bias: mapping.range.start.wrapping_sub(start),
        });
    }

    /// Returns the program itself.
    pub(super) fn program(&self) -> Option<&Instance> {
        self.objects.get(self.main?)
    }

    /// Returns the object whose soname starts so.
    pub(super) fn named(&self, soname: &str) -> Option<usize> {
        let mut objects = self.objects.iter().enumerate();
        let found = objects.find(|(index, it)| !self.is_guest(*index) && it.file.is_named(soname));
        found.map(|(index, _)| index)
    }

    /// Returns whether the shim is there.
    pub(super) fn has_shim(&self) -> bool {
        let mut objects = self.objects.iter().enumerate();
        objects.any(|(index, it)| !self.is_guest(index) && it.file.is_own(OwnLibrary::Shim))
    }

    /// Notes of each object whether it belongs to a program that this one emulates.
    pub(super) fn set_guests(&mut self, guests: Vec<bool>) {
        self.guests = guests;
    }

    /// Returns whether the object belongs to a program that this one emulates.
    pub(super) fn is_guest(&self, index: usize) -> bool {
        self.guests.get(index) == Some(&true)
    }

    /// Returns the first object that exports an `__rseq_abi`, the program first: the
    /// definition that all others are bound to. That of last resort comes last
    /// (its library is preloaded, or needed by what is).
    pub(super) fn winner(&self) -> Option<usize> {
        let exports = |index: &usize| {
            self.objects[*index]
                .file
                .report
                .exported_definition()
                .is_some()
        };
        let is_last = |index: &usize| self.objects[*index].file.is_own(OwnLibrary::Abi);
        let mut all: Vec<usize> = (0..self.objects.len()).filter(exports).collect();
        all.sort_by_key(|index| (is_last(index), Some(*index) != self.main));
        all.first().copied()
    }

    /// Returns what lies at an address, in words.
    pub(super) fn describe(&self, address: u64) -> String {
        let found = maps::parse(&self.maps).find(|mapping| mapping.range.contains(&address));
        match found {
            None => "memory that is not mapped".to_owned(),
            Some(Mapping { path: "", .. }) => "memory of its own".to_owned(),
            Some(mapping) => mapping.path.to_owned(),
        }
    }
}
