//! Containers of every kind, and what is nested in them.

use std::io::{self, Read};
use std::path::Path;

use super::bytes::{Blob, Bytes};
use super::image::{self, Image};
use super::kind::{self, Kind};
use super::members::{Members, told};
use super::names::Names;
use super::place::Place;
use super::read::fill;
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

    /// An image layout that stands in a folder.
    pub(in crate::audit) fn image_folder(&self, path: &Path, file: &mut FileOutcome) {
        // every layer has its own share
        let budget = Budget::new(&self.options.limits, u64::MAX);
        let image = Image::in_folder(path);
        if let Err(error) = image.audit(self, &Place::outermost(path), &budget, file) {
            file.complain(path, Problem::from_container(&error, &budget));
        }
    }

    /// Something that can be read at any offset.
    pub(in crate::audit) fn whole(
        &self,
        kind: Kind,
        place: &Place,
        bytes: Bytes<'_>,
        budget: &Budget,
        file: &mut FileOutcome,
    ) -> io::Result<()> {
        match kind {
            Kind::Elf => {
                if let Err(problem) = audit_object(self.options, &place.path, &bytes, file) {
                    file.complain(&place.path, problem);
                }
                Ok(())
            }
            Kind::Archive => archive::audit(self.options, place, bytes, file),
            Kind::Zip => zip::each(bytes, budget, &mut |name, part| match part {
                Ok(reader) => self.stream(&place.inside(name), reader, budget, file),
                Err(problem) => {
                    file.complain(&place.inside(name).path, problem);
                    Ok(())
                }
            }),
            Kind::Tar => {
                if let Some(image) = image::index(bytes)? {
                    return image.audit(self, place, budget, file);
                }
                let mut archive = tar::Archive::new(bytes.reader());
                let mut names = Names::default();
                tape::each(archive.entries_with_seek()?, &mut |member, reader| {
                    let part = bytes.part(member.start, member.size);
                    names.member(place, member, true, file, |place, file| {
                        self.part(place, part, reader, budget, file)
                    })
                })
            }
            _ => self.unpack(kind, place, &mut bytes.reader(), budget, file),
        }
    }

    fn is_too_deep(&self, kind: Kind, place: &Place, file: &mut FileOutcome) -> bool {
        let too_deep = kind != Kind::Elf && place.depth > self.options.limits.depth;
        if too_deep {
            let exceeded = Exceeded::Depth(self.options.limits.depth);
            file.complain(&place.path, Problem::Limit(exceeded));
        }
        too_deep
    }

    /// A container that can be read from front to back.
    fn unpack(
        &self,
        kind: Kind,
        place: &Place,
        reader: &mut dyn Read,
        budget: &Budget,
        file: &mut FileOutcome,
    ) -> io::Result<()> {
        match kind {
            Kind::Tar => self.tape(place, reader, budget, file),
            Kind::Packed(codec) => {
                let unpacked = &mut Metered::new(codec.decode(reader)?, budget);
                let mut head = [0; HEAD];
                let count = fill(unpacked, &mut head)?;
                let head = head.get(..count).unwrap_or_default();
                let mut unpacked = head.chain(unpacked);
                if Kind::of(head, b"", false) != Kind::Tar {
                    let inner = place.inside(kind::stem(place.name()));
                    return self.stream(&inner, &mut unpacked, budget, file);
                }
                if image::starts(head) {
                    let blob = Blob::spool(&mut unpacked)?;
                    return self.whole(Kind::Tar, place, blob.bytes(), budget, file);
                }
                self.tape(place, &mut unpacked, budget, file)
            }
            Kind::Deb => deb::data(reader, budget, &mut |reader| {
                self.tape(place, reader, budget, file)
            }),
            Kind::Rpm => {
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
            Kind::Elf | Kind::Archive | Kind::Zip | Kind::Other => Ok(()),
        }
    }

    fn tape(
        &self,
        place: &Place,
        reader: &mut dyn Read,
        budget: &Budget,
        file: &mut FileOutcome,
    ) -> io::Result<()> {
        let mut archive = tar::Archive::new(reader);
        let mut names = Names::default();
        tape::each(archive.entries()?, &mut |member, reader| {
            names.member(place, member, true, file, |place, file| {
                self.stream(place, reader, budget, file)
            })
        })
    }
}

impl Members for Unpacker<'_> {
    fn part(
        &self,
        place: &Place,
        bytes: Bytes<'_>,
        reader: &mut dyn Read,
        budget: &Budget,
        file: &mut FileOutcome,
    ) -> io::Result<()> {
        let mut head = [0; HEAD];
        let count = fill(reader, &mut head)?;
        let kind = Kind::of(head.get(..count).unwrap_or_default(), place.name(), false);
        if kind == Kind::Other || self.is_too_deep(kind, place, file) {
            return Ok(());
        }
        let done = self.whole(kind, place, bytes, budget, file);
        told(done, place, budget, file)
    }

    fn stream(
        &self,
        place: &Place,
        reader: &mut dyn Read,
        budget: &Budget,
        file: &mut FileOutcome,
    ) -> io::Result<()> {
        let mut head = [0; HEAD];
        let count = fill(reader, &mut head)?;
        let head = head.get(..count).unwrap_or_default();
        let kind = Kind::of(head, place.name(), false);
        if kind == Kind::Other || self.is_too_deep(kind, place, file) {
            return Ok(());
        }
        let mut reader = head.chain(reader);
        let done = if kind.needs_offsets() {
            let blob = Blob::spool(&mut reader)?;
            self.whole(kind, place, blob.bytes(), budget, file)
        } else {
            self.unpack(kind, place, &mut reader, budget, file)
        };
        told(done, place, budget, file)
    }
}
