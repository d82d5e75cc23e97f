//! Facts about mapped files, read once per file, whoever maps it.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::ops::{ControlFlow, Range};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use libc::PT_LOAD;
use tls_model::elf::{Class, Object, Source};
use tls_model::facts::{OwnLibrary, SymbolName};
use tls_model::report::ObjectReport;

use super::maps::{FileId, link_name};
use super::proc::Process;
use crate::program::source::{AheadMemory, FileSource, ReadAhead};

/// What a mapped object says.
#[derive(Debug)]
pub(super) struct ObjectFile {
    pub(super) report: ObjectReport,
    /// `DT_NEEDED`.
    pub(super) needed: Vec<Vec<u8>>,
    pub(super) soname: Option<Vec<u8>>,
    /// Link-time address minus file offset of its first segment: what the
    /// address of its first mapping has to be corrected by.
    pub(super) first: (u64, u64),
    /// Link-time address at which its last segment ends.
    pub(super) end: u64,
    /// Link-time addresses of what only libc's and the dynamic linker have.
    pub(super) marks: Marks,
}

/// Link-time addresses of variables, where the object has them.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Marks {
    /// `__rseq_offset` (glibc 2.35).
    pub(super) rseq_offset: Option<u64>,
    /// `_r_debug`: where the list of the loaded objects begins.
    pub(super) debug: Option<u64>,
    /// Where an object's TLS offset stands in that list (glibc, for
    /// libthread_db).
    pub(super) tls_offset: Option<u64>,
}

impl ObjectFile {
    fn read(file: File) -> Option<Self> {
        let file = FileSource::new(file);
        let memory = AheadMemory::default();
        let source = ReadAhead::new(&file, &memory);
        let object = Object::open(&source as &dyn Source).ok()?;
        let report = rseq_code::read(&object);
        let mut needed = Vec::new();
        let mut buffer = vec![0; 4096];
        // a damaged table: what was read before the damage
        let _ = object.needed(&mut buffer, |name| {
            needed.push(name.to_vec());
            ControlFlow::<()>::Continue(())
        });
        let soname = object.soname(&mut buffer).ok().flatten();
        let soname = soname.map(<[u8]>::to_vec);
        let first = object.segments(|segment| match segment.kind {
            PT_LOAD => ControlFlow::Break((segment.vaddr, segment.offset)),
            _ => ControlFlow::Continue(()),
        });
        let mut end = 0;
        let _ = object.segments(|segment| {
            if segment.kind == PT_LOAD {
                end = segment.vaddr.saturating_add(segment.memsz).max(end);
            }
            ControlFlow::<()>::Continue(())
        });
        let mark = |name: &[u8]| {
            let symbol = object.dynamic_symbol(name).ok()??;
            symbol.is_defined().then_some(symbol.value)
        };
        // static programs have no dynamic symbols
        let in_symtab = |name| {
            let mut facts = report.facts.symbols.iter();
            facts
                .find(|fact| fact.name == name && fact.role == tls_model::facts::Role::Defines)
                .map(|fact| fact.value)
        };
        let is_named = |start: &[u8]| soname.as_ref().is_some_and(|name| name.starts_with(start));
        let is_libc = is_named(b"libc.so") || is_named(b"libpthread.so");
        let marks = Marks {
            rseq_offset: in_symtab(SymbolName::Offset),
            debug: is_named(b"ld-").then(|| mark(b"_r_debug")).flatten(),
            tls_offset: is_libc
                .then(|| mark(b"_thread_db_link_map_l_tls_offset"))
                .flatten(),
        };
        Some(Self {
            first: first.ok().flatten().unwrap_or((0, 0)),
            end,
            report,
            needed,
            soname,
            marks,
        })
    }

    /// Returns whether addresses are 32 bits wide.
    pub(super) fn is_narrow(&self) -> bool {
        self.report.facts.layout.class == Class::Elf32
    }

    /// Returns whether it is this library of ours.
    pub(super) fn is_own(&self, library: OwnLibrary) -> bool {
        self.soname.as_deref().and_then(OwnLibrary::from_name) == Some(library)
    }

    /// Returns whether its soname starts with `start`.
    pub(super) fn is_named(&self, start: &str) -> bool {
        let soname = self.soname.as_deref().unwrap_or_default();
        soname.starts_with(start.as_bytes())
    }
}

/// Why a mapped file tells nothing.
#[derive(Clone, Debug)]
pub(super) enum Unread {
    /// It is no ELF object.
    NotElf,
    /// It cannot be opened.
    Io(Rc<io::Error>),
    /// The path leads to another file by now, and the mapped one cannot be
    /// reached without the right to (CAP_SYS_ADMIN).
    Replaced,
    /// Memory of memfd_create(2), which has no path, and the same right is missing.
    Nameless,
}

/// The mapped files that were read so far, by device and inode.
#[derive(Debug, Default)]
pub struct Files {
    known: HashMap<FileId, Known>,
    look: u64,
}

/// What is known of a file, and the look that used it last.
#[derive(Debug)]
struct Known {
    file: Result<Rc<ObjectFile>, Unread>,
    look: u64,
}

impl Files {
    /// Forgets what the last look did not use: its number may be another file's
    /// by now. A file that is mapped keeps its number.
    pub(super) fn begin_look(&mut self) {
        let last = self.look;
        self.known.retain(|_, known| known.look == last);
        self.look += 1;
    }

    /// Returns the facts about a file that `process` has mapped at `range`, by `path`.
    pub(super) fn get(
        &mut self,
        process: &Process,
        id: FileId,
        range: &Range<u64>,
        path: &Path,
    ) -> Result<Rc<ObjectFile>, Unread> {
        if let Some(known) = self.known.get_mut(&id) {
            known.look = self.look;
            return known.file.clone();
        }
        let read = open(process, id, range, path)
            .and_then(|file| ObjectFile::read(file).map(Rc::new).ok_or(Unread::NotElf));
        // another process may be allowed to open what this one is not
        if !matches!(
            read,
            Err(Unread::Io(_) | Unread::Replaced | Unread::Nameless)
        ) {
            let known = Known {
                file: read.clone(),
                look: self.look,
            };
            self.known.insert(id, known);
        }
        read
    }
}

/// Opens the mapped file itself, whatever its path leads to by now; where that
/// needs a right that we do not have, the path as the process sees it.
fn open(process: &Process, id: FileId, range: &Range<u64>, path: &Path) -> Result<File, Unread> {
    let link = process.path("map_files").join(link_name(range));
    match fs::metadata(&link) {
        // to open a device may set something off
        Ok(metadata) if !metadata.is_file() => return Err(Unread::NotElf),
        Ok(_) => {
            if let Ok(file) = open_file(&link) {
                return Ok(file);
            }
        }
        Err(_) => {}
    }
    if path.as_os_str().as_bytes().starts_with(b"/memfd:") {
        return Err(Unread::Nameless);
    }
    let below: PathBuf = path.components().skip(1).collect();
    let seen = process.path("root").join(below);
    let metadata = fs::metadata(&seen).map_err(|error| Unread::Io(Rc::new(error)))?;
    // the device of a mapping may differ from that of the file (btrfs, overlay)
    if metadata.ino() != id.inode {
        return Err(Unread::Replaced);
    }
    if !metadata.is_file() {
        return Err(Unread::NotElf);
    }
    let file = open_file(&seen).map_err(|error| Unread::Io(Rc::new(error)))?;
    match file.metadata() {
        Ok(metadata) if metadata.ino() == id.inode && metadata.is_file() => Ok(file),
        _ => Err(Unread::Replaced),
    }
}

fn open_file(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY)
        .open(path)
}
