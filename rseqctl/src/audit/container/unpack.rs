//! Containers of every kind, and what is nested in them.

use std::io::{self, Read};
use std::path::Path;

use super::behind::{Behind, ends_as_zip};
use super::bytes::{Blob, Bytes};
use super::file_kind::{self, FileKind, may_end_as_zip};
use super::image::{self, Image, Marks};
use super::member_path::MemberPath;
use super::members::{Members, told};
use super::names::Names;
use super::read::{damaged, fill};
use super::tape::MemberKind;
use super::{archive, cpio, deb, rpm, tape, zip};
use crate::audit::budget::{Budget, Exceeded, Metered};
use crate::audit::object::audit_object;
use crate::audit::options::Options;
use crate::audit::outcome::{FileOutcome, HEAD};
use crate::audit::problem::Problem;

/// Audits what is in containers.
pub(in crate::audit) struct Unpacker<'a> {
    options: &'a Options,
}

impl<'a> Unpacker<'a> {
    pub(in crate::audit) fn new(options: &'a Options) -> Self {
        Self { options }
    }

    /// Audits an image layout that stands in a folder.
    pub(in crate::audit) fn image_folder(&self, path: &Path, file: &mut FileOutcome) {
        // every layer has its own share
        let budget = Budget::new(&self.options.limits, u64::MAX);
        let image = Image::in_folder(path);
        if let Err(error) = image.audit(self, &MemberPath::outermost(path), &budget, file) {
            file.complain(path, Problem::from_container(&error, &budget));
        }
    }

    /// Audits something that can be read at any offset.
    pub(in crate::audit) fn whole(
        &self,
        kind: FileKind,
        place: &MemberPath,
        bytes: Bytes<'_>,
        budget: &Budget,
        file: &mut FileOutcome,
    ) -> io::Result<()> {
        match kind {
            FileKind::Elf => match audit_object(self.options, &place.path, &bytes, file) {
                Ok(end) => match Behind::object(bytes, end) {
                    Behind::Zip => self.zip(place, bytes, budget, file),
                    Behind::FileSystem => {
                        file.complain(&place.path, Problem::FILE_SYSTEM);
                        Ok(())
                    }
                    Behind::Nothing => Ok(()),
                },
                Err(problem) => {
                    file.complain(&place.path, problem);
                    Ok(())
                }
            },
            FileKind::Archive => archive::audit(self.options, place, bytes, file),
            FileKind::Zip => self.zip(place, bytes, budget, file),
            FileKind::Tar => self.tar(place, bytes, budget, file),
            FileKind::Packed(codec) => {
                let open =
                    || -> io::Result<_> { Ok(Metered::new(codec.decode(bytes.reader())?, budget)) };
                let mut unpacked = open()?;
                let mut head = [0; HEAD];
                let count = fill(&mut unpacked, &mut head)?;
                let head = head.get(..count).unwrap_or_default();
                let mut unpacked = head.chain(unpacked);
                if FileKind::of(head, b"", false) != FileKind::Tar {
                    let inner = place.inside(file_kind::stem(place.name()));
                    return self.stream(&inner, &mut unpacked, budget, file);
                }
                let left = budget.left();
                if self.tape(place, &mut unpacked, budget, file)? {
                    drop(unpacked);
                    budget.restore(left);
                    let blob = Blob::spool(&mut open()?)?;
                    return self.tar(place, blob.bytes(), budget, file);
                }
                Ok(())
            }
            FileKind::Deb => {
                let left = budget.left();
                let mut is_image = false;
                deb::data(&mut bytes.reader(), budget, &mut |reader| {
                    is_image = self.tape(place, reader, budget, file)?;
                    Ok(())
                })?;
                if is_image {
                    budget.restore(left);
                    deb::data(&mut bytes.reader(), budget, &mut |reader| {
                        let blob = Blob::spool(reader)?;
                        self.tar(place, blob.bytes(), budget, file)
                    })?;
                }
                Ok(())
            }
            FileKind::Rpm => self.rpm(place, &mut bytes.reader(), budget, file),
            FileKind::Bitcode => {
                file.complain(&place.path, Problem::INTERMEDIATE);
                Ok(())
            }
            FileKind::Other => Ok(()),
        }
    }

    fn zip(
        &self,
        place: &MemberPath,
        bytes: Bytes<'_>,
        budget: &Budget,
        file: &mut FileOutcome,
    ) -> io::Result<()> {
        let left = budget.left();
        let mut marks = Marks::default();
        let is_wanted = |name: &[u8]| !file_kind::is_no_object(name) || Marks::may_be(name);
        zip::each(bytes, budget, &is_wanted, &mut |name, part| match part {
            Ok(reader) if Marks::may_be(name) => {
                marks.note(name, &image::text(reader)?);
                Ok(())
            }
            Ok(reader) => self.stream(&place.inside(name), reader, budget, file),
            Err(problem) => {
                file.complain(&place.inside(name).path, problem);
                Ok(())
            }
        })?;
        if marks.is_empty() {
            return Ok(());
        }
        // what its layers came to as files
        file.rows.retain(|row| !marks.has(place, row.path()));
        file.problems.retain(|(path, _)| !marks.has(place, path));
        budget.restore(left);
        let blob = zip::images(bytes, budget, &marks)?;
        self.tar(place, blob.bytes(), budget, file)
    }

    /// Audits a tar archive that can be read at any offset.
    fn tar(
        &self,
        place: &MemberPath,
        bytes: Bytes<'_>,
        budget: &Budget,
        file: &mut FileOutcome,
    ) -> io::Result<()> {
        let found = image::find(bytes)?;
        for (folder, image) in &found.images {
            if folder.is_empty() {
                image.audit(self, place, budget, file)?;
                return found.ended_by.map_or(Ok(()), Err);
            }
            let folder = folder.strip_suffix(b"/").unwrap_or(folder);
            let place = place.inside(folder);
            told(
                image.audit(self, &place, budget, file),
                &place,
                budget,
                file,
            )?;
        }
        let mut names = Names::default();
        tape::each_of(bytes, &mut |member, reader| {
            if found.marks.folder_of(member.name).is_some() {
                return Ok(());
            }
            let part = bytes.part(member.start, member.size);
            names.member(place, member, true, file, |place, file| {
                self.part(place, part, reader, budget, file)
            })
        })
    }

    fn is_too_deep(&self, kind: FileKind, place: &MemberPath, file: &mut FileOutcome) -> bool {
        let too_deep = kind != FileKind::Elf && place.depth > self.options.limits.depth;
        if too_deep {
            let exceeded = Exceeded::Depth(self.options.limits.depth);
            file.complain(&place.path, Problem::Limit(exceeded));
        }
        too_deep
    }

    /// Audits an RPM package, which is read from front to back.
    fn rpm(
        &self,
        place: &MemberPath,
        reader: &mut dyn Read,
        budget: &Budget,
        file: &mut FileOutcome,
    ) -> io::Result<()> {
        let mut payload = Metered::new(rpm::payload(reader)?, budget);
        cpio::each(&mut payload, &mut |member, reader| {
            let inside = place.inside(member.name);
            let before = file.rows.len();
            self.stream(&inside, reader, budget, file)?;
            let mut names = Names::default();
            names.note(member.name, &inside.path, file.rows.get(before..));
            for other in &member.others {
                let path = place.inside(other).path;
                file.rows.extend(names.under(member.name, &path));
            }
            Ok(())
        })
    }

    /// Audits a tar archive that is unpacked as it is read. Returns true, and takes back what
    /// it has said, where there is an image in it: its layers have to be read from
    /// the last to the first.
    fn tape(
        &self,
        place: &MemberPath,
        reader: &mut dyn Read,
        budget: &Budget,
        file: &mut FileOutcome,
    ) -> io::Result<bool> {
        let before = file.mark();
        let mut marks = Marks::default();
        let mut names = Names::default();
        let done = tape::each_in(reader, &mut |member, reader| {
            if member.kind != MemberKind::File || !Marks::may_be(member.name) {
                return names.member(place, member, true, file, |place, file| {
                    self.stream(place, reader, budget, file)
                });
            }
            let text = image::text(reader)?;
            if marks.note(member.name, &text) {
                // nothing else is worth reading now
                return Err(damaged("an image"));
            }
            names.member(place, member, true, file, |place, file| {
                self.stream(place, &mut text.chain(reader), budget, file)
            })
        });
        if marks.is_empty() {
            done?;
            return Ok(false);
        }
        file.take_back(before);
        Ok(true)
    }
}

impl Members for Unpacker<'_> {
    fn part(
        &self,
        place: &MemberPath,
        bytes: Bytes<'_>,
        reader: &mut dyn Read,
        budget: &Budget,
        file: &mut FileOutcome,
    ) -> io::Result<()> {
        let mut head = [0; HEAD];
        let count = fill(reader, &mut head)?;
        let head = head.get(..count).unwrap_or_default();
        let kind = match FileKind::of(head, place.name(), false) {
            FileKind::Other if may_end_as_zip(head, place.name()) && ends_as_zip(bytes) => {
                FileKind::Zip
            }
            kind => kind,
        };
        if kind == FileKind::Other || self.is_too_deep(kind, place, file) {
            return Ok(());
        }
        let done = self.whole(kind, place, bytes, budget, file);
        told(done, place, budget, file)
    }

    fn stream(
        &self,
        place: &MemberPath,
        reader: &mut dyn Read,
        budget: &Budget,
        file: &mut FileOutcome,
    ) -> io::Result<()> {
        let mut head = [0; HEAD];
        let count = fill(reader, &mut head)?;
        let head = head.get(..count).unwrap_or_default();
        let kind = FileKind::of(head, place.name(), false);
        let may_be_zip = kind == FileKind::Other && may_end_as_zip(head, place.name());
        if kind == FileKind::Other && !may_be_zip || self.is_too_deep(kind, place, file) {
            return Ok(());
        }
        let mut reader = head.chain(reader);
        let done = match kind {
            FileKind::Rpm => self.rpm(place, &mut reader, budget, file),
            FileKind::Other => {
                let blob = Blob::spool(&mut reader)?;
                if ends_as_zip(blob.bytes()) {
                    self.whole(FileKind::Zip, place, blob.bytes(), budget, file)
                } else {
                    Ok(())
                }
            }
            // tar archives, too: only their last member may say that they are images
            kind => {
                let blob = Blob::spool(&mut reader)?;
                self.whole(kind, place, blob.bytes(), budget, file)
            }
        };
        told(done, place, budget, file)
    }
}
