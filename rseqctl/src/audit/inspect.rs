//! One file, or what is packed in it.

use std::path::Path;

use tls_model::elf::Source;

use super::budget::Budget;
use super::container::{Bytes, Kind, Place, Unpacker};
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

    pub(super) fn look(&self, mut found: Found, outcome: &mut Outcome) {
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

    /// An error means that nothing of the file could be used.
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
        let kind = Kind::of(head, found.name(), named);
        if kind == Kind::Other {
            return if named { Err(Problem::NotElf) } else { Ok(()) };
        }
        let path = found.path();
        let ahead = ReadAhead::new(&source, &self.memory);
        if kind == Kind::Elf {
            return audit_object(self.options, &path, &ahead, file);
        }
        let len = source.size().map_err(Problem::Io)?;
        self.container(
            kind,
            &Place::outermost(&path),
            Bytes::new(&ahead, len),
            file,
        );
        Ok(())
    }

    fn container(&self, kind: Kind, place: &Place, bytes: Bytes<'_>, file: &mut FileOutcome) {
        let budget = Budget::new(&self.options.limits, bytes.len());
        if let Err(error) = Unpacker::new(self.options).whole(kind, place, bytes, &budget, file) {
            file.complain(&place.path, Problem::from_container(&error, &budget));
        }
    }

    /// Something without a file, as if it was named.
    pub(super) fn look_at_source(
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
        match Kind::of(head, path.as_os_str().as_encoded_bytes(), true) {
            Kind::Other => return Err(Problem::NotElf),
            Kind::Elf => return audit_object(self.options, path, &bytes, file),
            kind => self.container(kind, &Place::in_memory(path), bytes, file),
        }
        Ok(())
    }
}
