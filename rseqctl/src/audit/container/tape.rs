//! tar archives.
//!
//! The tar crate reads the headers; long names are put together here, because
//! the crate would take as much memory for one as the archive says it has.

use std::io::{self, Read};

use tar::{Entries, EntryType};

use super::damaged;

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
    /// Where a symbolic link leads, as it stands in the header.
    pub(super) link: Option<&'a [u8]>,
}

/// What a member is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MemberKind {
    File,
    Folder,
    /// A link, device or FIFO: it has a name and no contents.
    Other,
}

/// Visits every member.
pub(super) fn each<R: Read>(
    entries: Entries<'_, R>,
    visit: &mut dyn FnMut(&Member<'_>, &mut dyn Read) -> io::Result<()>,
) -> io::Result<()> {
    let mut long: Option<Vec<u8>> = None;
    for entry in entries.raw(true) {
        let mut entry = entry?;
        let kind = match entry.header().entry_type() {
            EntryType::GNULongName => {
                let mut name = bounded(&mut entry)?;
                name.truncate(name.iter().position(|&b| b == 0).unwrap_or(name.len()));
                long = Some(name);
                continue;
            }
            EntryType::XHeader => {
                let found = extended(&bounded(&mut entry)?)?;
                long = found.or(long);
                continue;
            }
            EntryType::XGlobalHeader | EntryType::GNULongLink => continue,
            EntryType::GNUSparse => {
                return Err(damaged("sparse members are not supported"));
            }
            EntryType::Directory => MemberKind::Folder,
            kind if kind.is_file() || kind == EntryType::Continuous => MemberKind::File,
            _ => MemberKind::Other,
        };
        let name = match long.take() {
            Some(name) => name,
            None => entry.header().path_bytes().into_owned(),
        };
        // before ustar a folder was a file whose name ends with a slash
        let kind = if kind == MemberKind::File && name.ends_with(b"/") {
            MemberKind::Folder
        } else {
            kind
        };
        let is_link = entry.header().entry_type() == EntryType::Symlink;
        let link = is_link.then(|| entry.header().link_name_bytes()).flatten();
        let link = link.map(std::borrow::Cow::into_owned);
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

fn bounded(entry: &mut dyn Read) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    entry.take(LONGEST + 1).read_to_end(&mut text)?;
    if text.len() as u64 > LONGEST {
        return Err(damaged("a name in it is longer than 64 KiB"));
    }
    Ok(text)
}

/// The path in a set of pax headers: lines of `LENGTH KEY=VALUE`.
fn extended(mut text: &[u8]) -> io::Result<Option<Vec<u8>>> {
    let bad = || damaged("bad extended header");
    let mut path = None;
    while !text.is_empty() && text[0] != 0 {
        let space = text.iter().position(|&byte| byte == b' ').ok_or_else(bad)?;
        let length: usize = std::str::from_utf8(&text[..space])
            .ok()
            .and_then(|digits| digits.parse().ok())
            .ok_or_else(bad)?;
        let record = text.get(space + 1..length).ok_or_else(bad)?;
        if let Some(value) = record.strip_prefix(b"path=") {
            path = Some(value.strip_suffix(b"\n").unwrap_or(value).to_vec());
        }
        if record.starts_with(b"size=") || record.starts_with(b"GNU.sparse.") {
            return Err(damaged(
                "sparse members and members above 8 GiB are not supported",
            ));
        }
        text = text.get(length..).ok_or_else(bad)?;
    }
    Ok(path)
}
