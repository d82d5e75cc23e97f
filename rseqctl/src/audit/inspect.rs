//! One file, or what is packed in it.

use std::path::Path;

use tls_model::elf::Source;

use super::budget::Budget;
use super::container::{
    Behind, Bytes, FileKind, MemberPath, Unpacker, ends_as_zip, may_end_as_zip,
};
use super::found::{Found, FoundKind};
use super::object::audit_object;
use super::options::Options;
use super::outcome::{FileOutcome, HEAD, Outcome};
use super::problem::Problem;
use crate::program::source::{AheadMemory, FileSource, ReadAhead};

/// Looks at what the walk meets, on one thread.
pub(super) struct Inspector<'a> {
    options: &'a Options,
    memory: AheadMemory,
}

impl<'a> Inspector<'a> {
    pub(super) fn new(options: &'a Options) -> Self {
        Self {
            options,
            memory: AheadMemory::default(),
        }
    }

    pub(super) fn inspect(&self, mut found: Found, outcome: &mut Outcome) {
        let mut file = FileOutcome::default();
        let kind = std::mem::replace(&mut found.kind, FoundKind::Folder);
        match kind {
            FoundKind::Folder => {
                outcome.counts.read += 1;
                return;
            }
            FoundKind::Problem(problem) => file.complain(&found.path(), problem),
            FoundKind::Image => {
                outcome.counts.read += 1;
                Unpacker::new(self.options).image_folder(&found.path(), &mut file);
            }
            FoundKind::File { named } => match self.file(&found, named, outcome, &mut file) {
                Ok(()) => outcome.counts.read += 1,
                Err(problem) => file.complain(&found.path(), problem),
            },
        }
        outcome.counts.objects += file.objects;
        if !file.rows.is_empty() || !file.problems.is_empty() {
            file.sort();
            outcome.files.push(file);
        }
    }

    /// Inspects a regular file. An error means that nothing of the file could be used.
    fn file(
        &self,
        found: &Found,
        named: bool,
        outcome: &mut Outcome,
        file: &mut FileOutcome,
    ) -> Result<(), Problem> {
        let opened = found.open().map_err(Problem::Io)?;
        outcome.counts.files += 1;
        let source = FileSource::new(opened);
        let mut head = [0; HEAD];
        let count = source
            .read_at(0, &mut head)
            .map_err(|error| Problem::from_elf(error.into()))?;
        let head = head.get(..count).unwrap_or_default();
        let kind = FileKind::of(head, found.name(), named);
        // what fits into the head is too short for an archive of objects
        let may_end = || count == HEAD && may_end_as_zip(head, found.name());
        if kind == FileKind::Other && !named && !may_end() {
            return Ok(());
        }
        let ahead = ReadAhead::new(&source, &self.memory);
        let bytes = |len| Bytes::new(&ahead, len);
        match kind {
            FileKind::Other => {
                let bytes = bytes(source.size().map_err(Problem::Io)?);
                if ends_as_zip(bytes) {
                    self.container(
                        FileKind::Zip,
                        &MemberPath::outermost(&found.path()),
                        bytes,
                        file,
                    );
                    return Ok(());
                }
                if named { Err(Problem::NotElf) } else { Ok(()) }
            }
            FileKind::Elf => {
                let path = found.path();
                let end = audit_object(self.options, &path, &ahead, file)?;
                let bytes = bytes(source.size().map_err(Problem::Io)?);
                self.behind(&MemberPath::outermost(&path), end, bytes, file);
                Ok(())
            }
            _ => {
                let bytes = bytes(source.size().map_err(Problem::Io)?);
                self.container(kind, &MemberPath::outermost(&found.path()), bytes, file);
                Ok(())
            }
        }
    }

    /// Inspects what stands behind an object that ends at `end`.
    fn behind(&self, place: &MemberPath, end: u64, bytes: Bytes<'_>, file: &mut FileOutcome) {
        match Behind::object(bytes, end) {
            Behind::Zip => self.container(FileKind::Zip, place, bytes, file),
            Behind::FileSystem => file.complain(&place.path, Problem::FILE_SYSTEM),
            Behind::Nothing => {}
        }
    }

    fn container(
        &self,
        kind: FileKind,
        place: &MemberPath,
        bytes: Bytes<'_>,
        file: &mut FileOutcome,
    ) {
        let budget = Budget::new(&self.options.limits, bytes.len());
        if let Err(error) = Unpacker::new(self.options).whole(kind, place, bytes, &budget, file) {
            file.complain(&place.path, Problem::from_container(&error, &budget));
        }
    }

    /// Inspects something without a file, as if it was named.
    pub(super) fn inspect_source(
        &self,
        path: &Path,
        source: &dyn Source,
        len: u64,
        outcome: &mut Outcome,
    ) {
        let mut file = FileOutcome::default();
        outcome.counts.files += 1;
        match self.source(path, source, len, &mut file) {
            Ok(()) => outcome.counts.read += 1,
            Err(problem) => file.complain(path, problem),
        }
        outcome.counts.objects += file.objects;
        file.sort();
        outcome.files.push(file);
    }

    fn source(
        &self,
        path: &Path,
        source: &dyn Source,
        len: u64,
        file: &mut FileOutcome,
    ) -> Result<(), Problem> {
        let bytes = Bytes::new(source, len);
        let mut head = [0; HEAD];
        let count = bytes
            .read_at(0, &mut head)
            .map_err(|error| Problem::from_elf(error.into()))?;
        let head = head.get(..count).unwrap_or_default();
        match FileKind::of(head, path.as_os_str().as_encoded_bytes(), true) {
            FileKind::Other if ends_as_zip(bytes) => {
                self.container(FileKind::Zip, &MemberPath::in_memory(path), bytes, file);
            }
            FileKind::Other => return Err(Problem::NotElf),
            FileKind::Elf => {
                let end = audit_object(self.options, path, &bytes, file)?;
                self.behind(&MemberPath::in_memory(path), end, bytes, file);
            }
            kind => self.container(kind, &MemberPath::in_memory(path), bytes, file),
        }
        Ok(())
    }
}
