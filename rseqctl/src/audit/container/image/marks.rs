//! What says that there is an image in an archive. It may stand anywhere in it: some
//! tools write it first and others last.

use std::collections::BTreeSet;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::super::member_path::{MemberPath, plain};
use super::manifest::{is_index, is_saved};
use super::store::MANIFEST;

/// Folders with images that are remembered, in one archive.
const MOST_FOLDERS: usize = 1000;

/// What every `oci-layout` says.
const VERSION: &[u8] = b"imageLayoutVersion";

/// The images of one archive: the folders that they stand in, each with a slash
/// behind it, and empty for the archive itself.
#[derive(Default)]
pub(in crate::audit::container) struct Marks {
    folders: BTreeSet<Vec<u8>>,
}

impl Marks {
    /// Returns whether a member of this name may say that there is an image. What it
    /// contains decides ([`Self::note`]).
    pub(in crate::audit::container) fn may_be(name: &[u8]) -> bool {
        let name = plain(name);
        name.ends_with(b"oci-layout") || matches!(name, b"manifest.json" | b"index.json")
    }

    /// Notes the image that a member says is there; returns whether it says so.
    pub(in crate::audit::container) fn note(&mut self, name: &[u8], text: &[u8]) -> bool {
        let name = plain(name);
        let folder = match name {
            b"manifest.json" if is_saved(text) => &b""[..],
            b"index.json" if is_index(text) => b"",
            b"manifest.json" | b"index.json" => return false,
            _ => match name.strip_suffix(b"oci-layout") {
                Some(folder)
                    if (folder.is_empty() || folder.ends_with(b"/"))
                        && text.windows(VERSION.len()).any(|part| part == VERSION) =>
                {
                    folder
                }
                _ => return false,
            },
        };
        if self.folders.len() < MOST_FOLDERS {
            self.folders.insert(folder.to_vec());
        }
        true
    }

    pub(in crate::audit::container) fn is_empty(&self) -> bool {
        self.folders.is_empty()
    }

    /// Returns whether something at `path`, in the container at `place`, is in an image.
    pub(in crate::audit::container) fn has(&self, place: &MemberPath, path: &Path) -> bool {
        let path = path.as_os_str().as_bytes();
        let inside = path.strip_prefix(place.name());
        let name = inside.and_then(|name| name.strip_prefix(b"!/"));
        name.is_some_and(|name| self.folder_of(name).is_some())
    }

    /// Returns the folder of the image that a member is a part of.
    pub(in crate::audit::container) fn folder_of(&self, name: &[u8]) -> Option<&[u8]> {
        let name = plain(name);
        let of = |folder: &&Vec<u8>| name.starts_with(folder);
        self.folders.iter().find(of).map(Vec::as_slice)
    }
}

/// Reads what may be a mark, and no more of anything else than of the largest
/// manifest.
pub(in crate::audit::container) fn text(reader: &mut dyn Read) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    reader.take(MANIFEST + 1).read_to_end(&mut text)?;
    Ok(text)
}
