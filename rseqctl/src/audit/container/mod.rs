//! Packages, archives and images, nested one in another.
//!
//! Containers are streamed; what has to be read at any offset (an ELF object, a
//! zip archive) is kept in memory while it is small and in a temporary file
//! without a name otherwise. Nothing is ever unpacked under a name that a
//! container gives.

mod archive;
mod budget;
mod bytes;
mod codec;
mod cpio;
mod deb;
mod image;
mod inflate;
mod kind;
mod names;
mod overlay;
mod rpm;
mod tape;
mod zip;

use std::ffi::OsString;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use super::Problem;
use super::inspect::{FileOutcome, HEAD, Inspector};

pub(super) use budget::Budget;
pub use budget::{Exceeded, Limits};
pub(super) use bytes::Bytes;
pub(super) use image::folder as image_folder;
pub(super) use kind::{Kind, looks_packed};

use budget::Metered;
use bytes::Blob;
use names::Names;

/// Where something stands: a file, or `outer!/inner`.
pub(super) struct Place {
    pub(super) path: PathBuf,
    depth: u32,
    /// It is a file, so that there may be others beside it.
    is_file: bool,
}

impl Place {
    pub(super) fn outermost(path: &Path) -> Self {
        Self {
            path: path.to_path_buf(),
            depth: 0,
            is_file: true,
        }
    }

    pub(super) fn in_memory(path: &Path) -> Self {
        Self {
            is_file: false,
            ..Self::outermost(path)
        }
    }

    /// A member of the container at this place. Names are shown, never
    /// followed.
    fn inside(&self, name: &[u8]) -> Self {
        self.joined(b"!/", plain(name))
    }

    /// One of several images in the container at this place.
    fn image(&self, name: &str) -> Self {
        let mut place = self.joined(b"!", name.as_bytes());
        place.depth = self.depth;
        place
    }

    fn joined(&self, between: &[u8], name: &[u8]) -> Self {
        let path = [self.path.as_os_str().as_bytes(), between, name].concat();
        Self {
            path: OsString::from_vec(path).into(),
            depth: self.depth + 1,
            is_file: false,
        }
    }

    fn name(&self) -> &[u8] {
        self.path.as_os_str().as_bytes()
    }
}

/// A member's name without the dots and slashes that archivers put first.
fn plain(mut name: &[u8]) -> &[u8] {
    loop {
        name = match name {
            [b'.', b'/', rest @ ..] | [b'/', rest @ ..] => rest,
            _ => return name,
        };
    }
}

impl Inspector<'_> {
    /// Something that can be read at any offset.
    pub(super) fn whole(
        &self,
        kind: Kind,
        place: &Place,
        bytes: Bytes<'_>,
        budget: &Budget,
        file: &mut FileOutcome,
    ) -> io::Result<()> {
        match kind {
            Kind::Elf => {
                if let Err(problem) = self.object(&place.path, &bytes, file) {
                    file.complain(&place.path, problem);
                }
                Ok(())
            }
            Kind::Archive => self.archive(place, bytes, file),
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

    /// A member that stands unpacked in something that can be read at any
    /// offset: no copy is needed.
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

    /// A member that can only be read once, from front to back.
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

/// What is wrong with a member is said of the member, and its container goes
/// on; a limit that is exceeded ends everything.
fn told(
    done: io::Result<()>,
    place: &Place,
    budget: &Budget,
    file: &mut FileOutcome,
) -> io::Result<()> {
    match done {
        Err(error) if budget.exceeded().is_none() => {
            file.complain(&place.path, Problem::from_container(&error, budget));
            Ok(())
        }
        other => other,
    }
}

/// Reads until `buffer` is full or the bytes end.
fn fill(reader: &mut dyn Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut count = 0;
    while let Some(rest) = buffer.get_mut(count..).filter(|rest| !rest.is_empty()) {
        match reader.read(rest) {
            Ok(0) => break,
            Ok(more) => count += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(count)
}

/// Reads over `count` bytes.
fn skip(reader: &mut dyn Read, count: u64) -> io::Result<()> {
    let skipped = io::copy(&mut reader.take(count), &mut io::sink())?;
    if skipped < count {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(())
}

fn damaged(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.to_owned())
}

/// Moves on to `offset`, for readers that stand at some other.
fn seek_to(reader: &mut impl Seek, offset: u64) -> io::Result<()> {
    reader.seek(SeekFrom::Start(offset)).map(drop)
}
