//! What a process has mapped: its objects, where each is, and its memory.

use std::collections::HashSet;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::rc::Rc;

use tls_model::facts::ObjectKind;
use tls_model::protocol::{self, variable};

use super::files::{Files, ObjectFile, Unread};
use super::list::List;
use super::maps::{self, Mapping};
use super::proc::Process;

/// The shim, and the library with the symbol of last resort.
pub(super) const SHIM: &str = protocol::SHIM_LIBRARY;
pub(super) const LAST_RESORT: &str = protocol::ABI_LIBRARY;

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
        // loaded objects have several mappings, but perhaps no code (the library
        // of last resort), or code that was moved to larger pages
        let (mut met, mut loaded) = (HashSet::new(), HashSet::new());
        for mapping in maps::parse(&text) {
            let Some(id) = mapping.file.filter(|_| !mapping.is_kernels()) else {
                continue;
            };
            if !met.insert(id) || mapping.is_code || is_main(&mapping) {
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

    /// The program itself.
    pub(super) fn program(&self) -> Option<&Instance> {
        self.objects.get(self.main?)
    }

    /// The object with this soname.
    pub(super) fn named(&self, soname: &str) -> Option<usize> {
        let mut objects = self.objects.iter().enumerate();
        let found = objects.find(|(index, it)| !self.is_guest(*index) && it.file.is_named(soname));
        found.map(|(index, _)| index)
    }

    /// Finds out which objects belong to an emulated program: another dynamic
    /// linker, or another program, is mapped that is not in the list of the
    /// process's own, and neither are they.
    pub(super) fn find_guests(&mut self, list: Option<&List>) {
        let is_static = self
            .program()
            .is_some_and(|it| it.file.report.facts.is_static);
        if self.linker.is_none() && !is_static {
            // it could not be seen which objects are its own
            return;
        }
        let is_stranger = |index: usize, it: &Instance| {
            let has = list.is_some_and(|list| list.has(it.bias));
            Some(index) != self.main && Some(index) != self.linker && !has
        };
        let begins = |it: &Instance| {
            it.file.is_named("ld-") || it.file.report.facts.kind == ObjectKind::Executable
        };
        let objects = || self.objects.iter().enumerate();
        if !objects().any(|(index, it)| begins(it) && is_stranger(index, it)) {
            return;
        }
        // before glibc 2.35 what dlmopen has loaded is not listed, either
        let is_all_listed = self.linker.is_none() || list.is_some_and(|list| list.has_spaces);
        let is_guest = |(index, it)| is_stranger(index, it) && (is_all_listed || begins(it));
        self.guests = objects().map(is_guest).collect();
    }

    /// The object belongs to a program that this one emulates.
    pub(super) fn is_guest(&self, index: usize) -> bool {
        self.guests.get(index) == Some(&true)
    }

    /// The first object that exports an `__rseq_abi`, the program first: the
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
        let is_last = |index: &usize| self.objects[*index].file.is_named(LAST_RESORT);
        let mut all: Vec<usize> = (0..self.objects.len()).filter(exports).collect();
        all.sort_by_key(|index| (is_last(index), Some(*index) != self.main));
        all.first().copied()
    }

    /// What lies at an address, in words.
    pub(super) fn describe(&self, address: u64) -> String {
        let found = maps::parse(&self.maps).find(|mapping| mapping.range.contains(&address));
        match found {
            None => "memory that is not mapped".to_owned(),
            Some(Mapping { path: "", .. }) => "memory of its own".to_owned(),
            Some(mapping) => mapping.path.to_owned(),
        }
    }
}

/// How an object came into its process, as far as its unloading matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hold {
    /// It is the program, or came with it: it stays.
    Start,
    /// `DF_1_NODELETE`: it stays.
    Nodelete,
    /// The shim keeps what defines the symbol.
    Shim,
    /// By `dlopen`: it may go, unless it was opened with `RTLD_NODELETE`.
    Loose,
}

/// How each object of an image is held.
pub(super) struct Holds {
    at_start: Vec<bool>,
    shim_keeps: bool,
}

impl Holds {
    /// Follows the names that the program and what is preloaded need.
    pub(super) fn find(process: &Process, image: &Image) -> Self {
        let mut names: Vec<Vec<u8>> = preloaded(process);
        let mut at_start: Vec<bool> = image
            .objects
            .iter()
            .map(|object| object.file.report.facts.kind == ObjectKind::Executable)
            .collect();
        if let Some(main) = image.main {
            at_start[main] = true;
        }
        for (object, _) in image.objects.iter().zip(&at_start).filter(|(_, at)| **at) {
            names.extend(object.file.needed.iter().cloned());
        }
        while let Some(name) = names.pop() {
            for (object, at_start) in image.objects.iter().zip(&mut at_start) {
                if !*at_start && is_called(object, &name) {
                    *at_start = true;
                    names.extend(object.file.needed.iter().cloned());
                }
            }
        }
        let told = process.variable(variable::LOADING);
        let shim_keeps = image.named(SHIM).is_some()
            && !told.is_some_and(|value| value == "off" || value == "warn");
        Self {
            at_start,
            shim_keeps,
        }
    }

    pub(super) fn of(&self, image: &Image, index: usize) -> Hold {
        let report = &image.objects[index].file.report;
        if self.at_start.get(index) == Some(&true) {
            Hold::Start
        } else if report.facts.flags.nodelete {
            Hold::Nodelete
        } else if self.shim_keeps && report.exported_definition().is_some() {
            Hold::Shim
        } else {
            Hold::Loose
        }
    }
}

/// The names that the dynamic linker was told to preload.
fn preloaded(process: &Process) -> Vec<Vec<u8>> {
    let told = process.variable(variable::PRELOAD).unwrap_or_default();
    let file = process.text("root/etc/ld.so.preload").unwrap_or_default();
    let names = told.split([' ', ':']).chain(file.split_whitespace());
    names
        .filter(|name| !name.is_empty())
        .map(|name| name.as_bytes().to_vec())
        .collect()
}

/// Whether the dynamic linker would find the object by this name.
fn is_called(object: &Instance, name: &[u8]) -> bool {
    let last = |path: &[u8]| path.rsplit(|byte| *byte == b'/').next().map(<[u8]>::to_vec);
    object.file.soname.as_deref() == Some(name)
        || object.path.as_bytes() == name
        || last(object.path.as_bytes()) == last(name)
}

/// A process's memory.
#[derive(Debug)]
pub(super) struct Memory(File);

impl Memory {
    /// # Errors
    ///
    /// It may not be read: that takes the right to trace the process.
    pub(super) fn open(process: &Process) -> std::io::Result<Self> {
        File::open(process.path("mem")).map(Self)
    }

    fn read<const N: usize>(&self, address: u64) -> Option<[u8; N]> {
        let mut bytes = [0; N];
        // what does not fit the file's signed offset is no address of a process
        i64::try_from(address).ok()?;
        self.0.read_exact_at(&mut bytes, address).ok()?;
        Some(bytes)
    }

    pub(super) fn u32(&self, address: u64) -> Option<u32> {
        self.read(address).map(u32::from_ne_bytes)
    }

    pub(super) fn u64(&self, address: u64) -> Option<u64> {
        self.read(address).map(u64::from_ne_bytes)
    }

    /// A word of an object: its numbers are as wide as its addresses.
    pub(super) fn signed(&self, address: u64, is_narrow: bool) -> Option<i64> {
        if is_narrow {
            self.u32(address).map(|word| i64::from(word.cast_signed()))
        } else {
            self.u64(address).map(u64::cast_signed)
        }
    }
}
