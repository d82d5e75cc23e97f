//! Container images: OCI image layouts (folders, or tar archives of them) and
//! what `docker save` writes. Their layers are shown as one tree.

mod manifest;

use std::collections::HashMap;
use std::fs::OpenOptions;
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use super::bytes::Bytes;
use super::kind::Kind;
use super::members::{Members, told};
use super::names::Names;
use super::overlay::Overlay;
use super::place::{Place, plain};
use super::read::{damaged, fill, seek_to};
use super::tape::{self, Member, MemberKind};
use crate::audit::budget::{Budget, Metered};
use crate::audit::outcome::{FileOutcome, HEAD};
use crate::audit::problem::Problem;
use crate::program::source::FileSource;

use manifest::Picture;

/// The largest manifest that is read, in bytes.
const MANIFEST: u64 = 4 << 20;

/// Members of an image archive that are remembered; images have hundreds.
const MOST_MEMBERS: usize = 100_000;

/// Symbolic links that are followed one after the other.
const MOST_LINKS: u32 = 8;

/// An image archive or folder.
pub(super) struct Image<'a> {
    store: Store<'a>,
}

enum Store<'a> {
    Folder(&'a Path),
    Tar(Bytes<'a>, HashMap<Vec<u8>, Stored>),
}

/// What an image archive has under a name.
enum Stored {
    /// Its contents: where they start, and their length, in bytes.
    File(u64, u64),
    /// A link to this name: docker wrote symbolic ones for layers that an archive has
    /// twice.
    Link(Vec<u8>),
}

/// A blob of an image.
enum Part<'a> {
    File(FileSource, u64),
    Window(Bytes<'a>),
}

impl Part<'_> {
    fn bytes(&self) -> Bytes<'_> {
        match self {
            Self::File(file, len) => Bytes::new(file, *len),
            Self::Window(bytes) => *bytes,
        }
    }
}

/// Whether an archive that starts with this tar header may be an image.
pub(super) fn starts(head: &[u8]) -> bool {
    let name = head.split(|&byte| byte == 0).next().unwrap_or_default();
    let name = plain(name);
    let first = name.split(|&byte| byte == b'/').next().unwrap_or_default();
    let first = first.strip_suffix(b".json").unwrap_or(first);
    matches!(first, b"blobs" | b"oci-layout" | b"index" | b"manifest")
        || (first.len() == 64 && first.iter().all(u8::is_ascii_hexdigit))
}

/// The archive as an image, if it is one. Reads the headers only.
pub(super) fn index(bytes: Bytes<'_>) -> io::Result<Option<Image<'_>>> {
    let mut reader = bytes.reader();
    let mut head = [0; HEAD];
    fill(&mut reader, &mut head)?;
    if !starts(&head) {
        return Ok(None);
    }
    seek_to(&mut reader, 0)?;
    let mut members = HashMap::new();
    let mut archive = tar::Archive::new(reader);
    tape::each(archive.entries_with_seek()?, &mut |member, _| {
        let name = plain(member.name);
        let stored = match member.kind {
            MemberKind::File => Some(Stored::File(member.start, member.size)),
            // from the top of the archive
            MemberKind::Link => member.link.map(|link| Stored::Link(plain(link).to_vec())),
            MemberKind::Symbolic => member
                .link
                .and_then(|link| target(name, link))
                .map(Stored::Link),
            MemberKind::Folder | MemberKind::Other => None,
        };
        let Some(stored) = stored else {
            return Ok(());
        };
        if members.len() == MOST_MEMBERS {
            return Err(damaged("more members than any image has"));
        }
        members.insert(name.to_vec(), stored);
        Ok(())
    })?;
    let is_image =
        members.contains_key(&b"index.json"[..]) || members.contains_key(&b"manifest.json"[..]);
    Ok(is_image.then_some(Image {
        store: Store::Tar(bytes, members),
    }))
}

/// The name that a symbolic link at `name` leads to; none where it leads out of
/// the image.
fn target(name: &[u8], link: &[u8]) -> Option<Vec<u8>> {
    if link.starts_with(b"/") {
        return None;
    }
    let mut parts: Vec<_> = name.split(|&byte| byte == b'/').collect();
    parts.pop();
    for part in link.split(|&byte| byte == b'/') {
        match part {
            b"" | b"." => {}
            b".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    Some(parts.join(&b'/'))
}

impl<'a> Image<'a> {
    /// An image layout that stands in a folder.
    pub(super) fn in_folder(path: &'a Path) -> Self {
        Self {
            store: Store::Folder(path),
        }
    }

    /// Audits every image in it.
    pub(super) fn audit(
        &self,
        members: &dyn Members,
        place: &Place,
        budget: &Budget,
        file: &mut FileOutcome,
    ) -> io::Result<()> {
        let pictures = manifest::pictures(&|name| self.text(name))?;
        let is_one = pictures.len() == 1;
        for picture in &pictures {
            if is_one {
                self.picture(members, place, picture, budget, file)?;
            } else {
                let place = place.image(&picture.name);
                self.picture(members, &place, picture, budget, file)?;
            }
        }
        Ok(())
    }

    fn picture(
        &self,
        members: &dyn Members,
        place: &Place,
        picture: &Picture,
        budget: &Budget,
        file: &mut FileOutcome,
    ) -> io::Result<()> {
        let mut overlay = Overlay::default();
        for layer in picture.layers.iter().rev() {
            let Some(part) = self.get(layer)? else {
                let problem = format!("layer {layer} is missing");
                file.complain(&place.path, Problem::Container(problem));
                continue;
            };
            let read = layer_of(members, place, part.bytes(), &mut overlay, budget, file);
            told(read, place, budget, file)?;
            overlay.descend();
        }
        Ok(())
    }

    fn text(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
        let Some(part) = self.get(name)? else {
            return Ok(None);
        };
        if part.bytes().len() > MANIFEST {
            return Err(damaged("a manifest of more than 4 MiB"));
        }
        let mut text = Vec::new();
        part.bytes().reader().read_to_end(&mut text)?;
        Ok(Some(text))
    }

    /// A blob by its name in the image; `name` was checked to be a plain one.
    fn get(&self, name: &str) -> io::Result<Option<Part<'_>>> {
        match &self.store {
            Store::Tar(bytes, members) => {
                let mut stored = members.get(name.as_bytes());
                for _ in 0..=MOST_LINKS {
                    match stored {
                        None => return Ok(None),
                        Some(&Stored::File(start, len)) => {
                            return Ok(Some(Part::Window(bytes.part(start, len))));
                        }
                        Some(Stored::Link(target)) => stored = members.get(target),
                    }
                }
                Err(damaged(&format!("{name} is a loop of links")))
            }
            Store::Folder(folder) => {
                let opened = OpenOptions::new()
                    .read(true)
                    .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_NOCTTY)
                    .open(folder.join(name));
                let file = match opened {
                    Ok(file) => file,
                    Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
                    Err(error) if error.raw_os_error() == Some(libc::ELOOP) => {
                        return Err(damaged(&format!(
                            "{name} is a symbolic link, which is followed in archives only"
                        )));
                    }
                    Err(error) => return Err(error),
                };
                let metadata = file.metadata()?;
                Ok(metadata
                    .is_file()
                    .then(|| Part::File(FileSource::new(file), metadata.len())))
            }
        }
    }
}

fn layer_of(
    members: &dyn Members,
    place: &Place,
    bytes: Bytes<'_>,
    overlay: &mut Overlay,
    budget: &Budget,
    file: &mut FileOutcome,
) -> io::Result<()> {
    let mut head = [0; HEAD];
    let count = fill(&mut bytes.reader(), &mut head)?;
    let mut sees = |member: &Member<'_>| overlay.sees(member.name, member.kind);
    let mut names = Names::default();
    match Kind::of(head.get(..count).unwrap_or_default(), b"", true) {
        Kind::Tar => {
            // as if it was packed: a manifest may name one layer a thousand times
            budget.spend(bytes.len())?;
            let mut archive = tar::Archive::new(bytes.reader());
            tape::each(archive.entries_with_seek()?, &mut |member, reader| {
                let part = bytes.part(member.start, member.size);
                names.member(place, member, sees(member), file, |place, file| {
                    members.part(place, part, reader, budget, file)
                })
            })
        }
        Kind::Packed(codec) => {
            let unpacked = Metered::new(codec.decode(bytes.reader())?, budget);
            let mut archive = tar::Archive::new(unpacked);
            tape::each(archive.entries()?, &mut |member, reader| {
                names.member(place, member, sees(member), file, |place, file| {
                    members.stream(place, reader, budget, file)
                })
            })
        }
        // an empty layer, or an attestation
        _ => Ok(()),
    }
}
