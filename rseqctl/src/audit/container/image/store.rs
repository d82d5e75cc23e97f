//! What an image is made of, by name: a folder, or members of a tar archive.

use std::collections::HashMap;
use std::fs::OpenOptions;
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use super::super::bytes::Bytes;
use super::super::read::damaged;
use crate::program::source::FileSource;

/// The largest manifest that is read, in bytes.
pub(super) const MANIFEST: u64 = 4 << 20;

/// Symbolic links that are followed one after the other.
const MOST_LINKS: u32 = 8;

/// Where an image keeps its files.
pub(super) enum Store<'a> {
    Folder(&'a Path),
    Tar(Bytes<'a>, HashMap<Vec<u8>, Stored>),
}

/// What an image archive has under a name.
pub(super) enum Stored {
    /// Its contents: where they start, and their length, in bytes.
    File(u64, u64),
    /// A link to this name: docker wrote symbolic ones for layers that an archive has
    /// twice.
    Link(Vec<u8>),
}

/// A blob of an image.
pub(super) enum Part<'a> {
    File(FileSource, u64),
    Window(Bytes<'a>),
}

impl Part<'_> {
    pub(super) fn bytes(&self) -> Bytes<'_> {
        match self {
            Self::File(file, len) => Bytes::new(file, *len),
            Self::Window(bytes) => *bytes,
        }
    }
}

impl Store<'_> {
    /// Returns the contents of a file of at most 4 MiB.
    pub(super) fn text(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
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

    /// Returns a blob by its name in the image; `name` was checked to be a plain one.
    pub(super) fn get(&self, name: &str) -> io::Result<Option<Part<'_>>> {
        match self {
            Self::Tar(bytes, members) => {
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
            Self::Folder(folder) => {
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
