//! Which members of a tar archive make up images.

use std::collections::HashMap;
use std::io;

use super::super::bytes::Bytes;
use super::super::member_path::plain;
use super::super::read::damaged;
use super::super::tape::{self, Member, MemberKind};
use super::Image;
use super::marks::{Marks, text};
use super::store::{Store, Stored};

/// Members of images that are remembered; images have hundreds.
const MOST_MEMBERS: usize = 100_000;

/// The images of an archive, each with its folder, and the error that ended the
/// search for them.
pub(in crate::audit::container) struct Found<'a> {
    pub(in crate::audit::container) marks: Marks,
    pub(in crate::audit::container) images: Vec<(Vec<u8>, Image<'a>)>,
    pub(in crate::audit::container) ended_by: Option<io::Error>,
}

/// Looks for images in a tar archive. Reads the headers, and the members that
/// may be marks.
pub(in crate::audit::container) fn find(bytes: Bytes<'_>) -> io::Result<Found<'_>> {
    let mut marks = Marks::default();
    let ended_by = tape::each_of(bytes, &mut |member, reader| {
        if member.kind == MemberKind::File && Marks::may_be(member.name) {
            marks.note(member.name, &text(reader)?);
        }
        Ok(())
    })
    .err();
    let mut found = Found {
        marks,
        images: Vec::new(),
        ended_by,
    };
    if found.marks.is_empty() {
        return Ok(found);
    }
    let mut folders: HashMap<Vec<u8>, HashMap<Vec<u8>, Stored>> = HashMap::new();
    let mut count = 0;
    let gathered = tape::each_of(bytes, &mut |member, _| {
        let Some(folder) = found.marks.folder_of(member.name) else {
            return Ok(());
        };
        let Some((name, content)) = stored(folder, member) else {
            return Ok(());
        };
        if count == MOST_MEMBERS {
            return Err(damaged("more members than any image has"));
        }
        count += 1;
        let members = folders.entry(folder.to_vec()).or_default();
        members.insert(name, content);
        Ok(())
    });
    if count == MOST_MEMBERS {
        gathered?;
    }
    for (folder, members) in folders {
        let store = Store::Tar(bytes, members);
        found.images.push((folder, Image { store }));
    }
    found.images.sort_by(|(one, _), (other, _)| one.cmp(other));
    Ok(found)
}

/// Returns what a member of an image is, by its name seen from the image's folder.
fn stored(folder: &[u8], member: &Member<'_>) -> Option<(Vec<u8>, Stored)> {
    let name = plain(member.name);
    let inside = |name: &[u8]| name.strip_prefix(folder).map(<[u8]>::to_vec);
    let stored = match member.kind {
        MemberKind::File => Stored::File(member.start, member.size),
        // from the top of the archive
        MemberKind::Link => Stored::Link(inside(plain(member.link?))?),
        MemberKind::Symbolic => Stored::Link(inside(&target(name, member.link?)?)?),
        MemberKind::Folder | MemberKind::Other => return None,
    };
    Some((inside(name)?, stored))
}

/// Returns the name that a symbolic link at `name` leads to; `None` where it leads out of
/// the archive.
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
