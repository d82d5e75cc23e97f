//! Container images: OCI image layouts (folders, or tar archives of them) and
//! what `docker save` writes. Their layers are shown as one tree.

mod find;
mod manifest;
mod marks;
mod store;

use std::io;
use std::path::Path;

use super::bytes::Bytes;
use super::file_kind::FileKind;
use super::member_path::MemberPath;
use super::members::{Members, told};
use super::names::Names;
use super::overlay::Overlay;
use super::read::fill;
use super::tape::{self, Member};
use crate::audit::budget::{Budget, Metered};
use crate::audit::outcome::{FileOutcome, HEAD};
use crate::audit::problem::Problem;

pub(super) use find::find;
pub(super) use marks::{Marks, text};

use manifest::Picture;
use store::Store;

/// An image archive or folder.
pub(super) struct Image<'a> {
    store: Store<'a>,
}

impl<'a> Image<'a> {
    /// Returns an image layout that stands in a folder.
    pub(super) fn in_folder(path: &'a Path) -> Self {
        Self {
            store: Store::Folder(path),
        }
    }

    /// Audits every image in it.
    pub(super) fn audit(
        &self,
        members: &dyn Members,
        place: &MemberPath,
        budget: &Budget,
        file: &mut FileOutcome,
    ) -> io::Result<()> {
        let pictures = manifest::pictures(&|name| self.store.text(name))?;
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
        place: &MemberPath,
        picture: &Picture,
        budget: &Budget,
        file: &mut FileOutcome,
    ) -> io::Result<()> {
        let mut overlay = Overlay::default();
        for layer in picture.layers.iter().rev() {
            let Some(part) = self.store.get(layer)? else {
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
}

fn layer_of(
    members: &dyn Members,
    place: &MemberPath,
    bytes: Bytes<'_>,
    overlay: &mut Overlay,
    budget: &Budget,
    file: &mut FileOutcome,
) -> io::Result<()> {
    let mut head = [0; HEAD];
    let count = fill(&mut bytes.reader(), &mut head)?;
    let mut sees = |member: &Member<'_>| overlay.sees(member.name, member.kind);
    let mut names = Names::default();
    match FileKind::of(head.get(..count).unwrap_or_default(), b"", true) {
        FileKind::Tar => {
            // as if it was packed: a manifest may name one layer a thousand times
            budget.spend(bytes.len())?;
            tape::each_of(bytes, &mut |member, reader| {
                let part = bytes.part(member.start, member.size);
                names.member(place, member, sees(member), file, |place, file| {
                    members.part(place, part, reader, budget, file)
                })
            })
        }
        FileKind::Packed(codec) => {
            let mut unpacked = Metered::new(codec.decode(bytes.reader())?, budget);
            tape::each_in(&mut unpacked, &mut |member, reader| {
                names.member(place, member, sees(member), file, |place, file| {
                    members.stream(place, reader, budget, file)
                })
            })
        }
        // an empty layer, or an attestation
        _ => Ok(()),
    }
}
