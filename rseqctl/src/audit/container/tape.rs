//! tar archives.
//!
//! The tar crate reads the headers; long names are put together here, because
//! the crate would take as much memory for one as the archive says it has.

use std::borrow::Cow;
use std::cell::Cell;
use std::io::{self, Read};

use tar::{Entries, EntryType};

use super::bytes::Bytes;
use super::read::damaged;

/// Longest name, and longest set of extended headers, in bytes.
const LONGEST: u64 = 1 << 16;

/// A member of an archive.
pub(super) struct Member<'a> {
    pub(super) name: &'a [u8],
    pub(super) kind: MemberKind,
    /// Where its contents start in the archive, in bytes.
    pub(super) start: u64,
    /// Their length in bytes.
    pub(super) size: u64,
    /// Where a symbolic link leads, or the member of which a hard link is another name,
    /// as it stands in the archive.
    pub(super) link: Option<&'a [u8]>,
}

/// What a member is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MemberKind {
    File,
    Folder,
    /// A hard link: another name of a member before it.
    Link,
    /// A symbolic link.
    Symbolic,
    /// A device or FIFO: it has a name and no contents.
    Other,
}

/// Visits every member.
fn each<R: Read>(
    entries: Entries<'_, R>,
    visit: &mut dyn FnMut(&Member<'_>, &mut dyn Read) -> io::Result<()>,
) -> io::Result<()> {
    let mut long = Long::default();
    for entry in entries.raw(true) {
        let mut entry = entry?;
        let kind = match entry.header().entry_type() {
            EntryType::GNULongName => {
                long.name = Some(text(&bounded(&mut entry)?));
                continue;
            }
            EntryType::GNULongLink => {
                long.link = Some(text(&bounded(&mut entry)?));
                continue;
            }
            EntryType::XHeader => {
                extended(&bounded(&mut entry)?, &mut long)?;
                continue;
            }
            EntryType::XGlobalHeader => continue,
            EntryType::GNUSparse => {
                return Err(damaged("sparse members are not supported"));
            }
            EntryType::Directory => MemberKind::Folder,
            EntryType::Link => MemberKind::Link,
            EntryType::Symlink => MemberKind::Symbolic,
            kind if kind.is_file() || kind == EntryType::Continuous => MemberKind::File,
            _ => MemberKind::Other,
        };
        let long = std::mem::take(&mut long);
        if long.size.is_some_and(|size| size != entry.size()) {
            return Err(damaged("members above 8 GiB are not supported"));
        }
        let name = match long.name {
            Some(name) => name,
            None => entry.header().path_bytes().into_owned(),
        };
        // before ustar a folder was a file whose name ends with a slash
        let kind = if kind == MemberKind::File && name.ends_with(b"/") {
            MemberKind::Folder
        } else {
            kind
        };
        let is_link = matches!(kind, MemberKind::Link | MemberKind::Symbolic);
        let short = || entry.header().link_name_bytes().map(Cow::into_owned);
        let link = is_link.then(|| long.link.or_else(short)).flatten();
        let member = Member {
            name: &name,
            kind,
            start: entry.raw_file_position(),
            size: entry.size(),
            link: link.as_deref(),
        };
        visit(&member, &mut entry)?;
    }
    Ok(())
}

/// Visits every member of an archive that is read from front to back. One whose last
/// member has no padding behind it is whole: some tools leave it out.
pub(super) fn each_in(
    reader: &mut dyn Read,
    visit: &mut dyn FnMut(&Member<'_>, &mut dyn Read) -> io::Result<()>,
) -> io::Result<()> {
    let read = Cell::new(0);
    let counted = Counted {
        reader,
        count: &read,
    };
    let mut end = 0;
    let done = each(
        tar::Archive::new(counted).entries()?,
        &mut |member, reader| {
            end = member.start.saturating_add(member.size);
            visit(member, reader)
        },
    );
    match done {
        Err(error) if error.to_string() == PADDING && read.get() >= end && end != 0 => Ok(()),
        done => done,
    }
}

/// What the tar crate says where the bytes end before the next header.
const PADDING: &str = "unexpected EOF during skip";

/// Counts the bytes that are read.
struct Counted<'a> {
    reader: &'a mut dyn Read,
    count: &'a Cell<u64>,
}

impl Read for Counted<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.reader.read(buffer)?;
        self.count.set(self.count.get() + count as u64);
        Ok(count)
    }
}

/// Visits every member of an archive that can be read at any offset: contents that
/// nobody reads are passed over.
pub(super) fn each_of(
    bytes: Bytes<'_>,
    visit: &mut dyn FnMut(&Member<'_>, &mut dyn Read) -> io::Result<()>,
) -> io::Result<()> {
    let mut archive = tar::Archive::new(bytes.reader());
    each(archive.entries_with_seek()?, &mut |member, reader| {
        visit(member, reader)?;
        match member.start.checked_add(member.size) {
            Some(end) if end <= bytes.len() => Ok(()),
            _ => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    })
}

fn bounded(entry: &mut dyn Read) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    entry.take(LONGEST + 1).read_to_end(&mut text)?;
    if text.len() as u64 > LONGEST {
        return Err(damaged("a name in it is longer than 64 KiB"));
    }
    Ok(text)
}

/// Returns a text in GNU's own headers, which ends with a NUL.
fn text(bytes: &[u8]) -> Vec<u8> {
    let text = bytes.split(|&byte| byte == 0).next();
    text.unwrap_or_default().to_vec()
}

/// What is too long for the header of the member that follows.
#[derive(Default)]
struct Long {
    name: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
    /// Its length in bytes, where that is given there as well.
    size: Option<u64>,
}

/// Reads the paths in a set of pax headers: lines of `LENGTH KEY=VALUE`.
fn extended(mut text: &[u8], long: &mut Long) -> io::Result<()> {
    let bad = || damaged("bad extended header");
    while !text.is_empty() && text[0] != 0 {
        let space = text.iter().position(|&byte| byte == b' ').ok_or_else(bad)?;
        let length: usize = std::str::from_utf8(&text[..space])
            .ok()
            .and_then(|digits| digits.parse().ok())
            .ok_or_else(bad)?;
        let record = text.get(space + 1..length).ok_or_else(bad)?;
        let value = |key: &[u8]| {
            let value = record.strip_prefix(key)?;
            Some(value.strip_suffix(b"\n").unwrap_or(value).to_vec())
        };
        long.name = value(b"path=").or(long.name.take());
        long.link = value(b"linkpath=").or(long.link.take());
        if let Some(size) = value(b"size=") {
            let size = String::from_utf8(size).ok();
            let size = size.and_then(|digits| digits.parse().ok());
            long.size = Some(size.ok_or_else(bad)?);
        }
        if record.starts_with(b"GNU.sparse.") {
            return Err(damaged("sparse members are not supported"));
        }
        text = text.get(length..).ok_or_else(bad)?;
    }
    Ok(())
}
