//! Static libraries: each member is an object of its own, `lib.a(member.o)`.

use std::collections::HashMap;
use std::ffi::OsString;
use std::io;
use std::ops::ControlFlow;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use tls_model::archive::{Part, members};
use tls_model::elf::{Error, Source};

use super::bytes::Bytes;
use super::file_kind::FileKind;
use super::member_path::MemberPath;
use crate::audit::found::open;
use crate::audit::object::audit_object;
use crate::audit::options::Options;
use crate::audit::outcome::FileOutcome;
use crate::audit::problem::{Problem, read_error};
use crate::program::source::FileSource;

/// Bytes between a member and the next.
const HEADER: u64 = 60 + 1;

/// Audits every ELF object of a static library. Members of thin archives are files
/// beside it: they are opened where the archive is a file itself.
pub(super) fn audit(
    options: &Options,
    place: &MemberPath,
    bytes: Bytes<'_>,
    file: &mut FileOutcome,
) -> io::Result<()> {
    let mut counts: HashMap<Vec<u8>, u32> = HashMap::new();
    let walked = members(&bytes, |part| {
        let number = counts.entry(part.name.to_vec()).or_default();
        *number += 1;
        let path = member_path(&place.path, part.name, *number);
        let done = match part.offset {
            Some(offset) => {
                // small as most members are, one read has all of it
                bytes.expect(offset, part.size.saturating_add(HEADER));
                member(options, &path, &Part::new(&bytes, offset, part.size), file)
            }
            None if place.is_file => beside(options, &place.path, part.name, &path, file),
            // what a thin archive in a package refers to is not there
            None => Ok(()),
        };
        if let Err(problem) = done {
            file.complain(&path, problem);
        }
        ControlFlow::<()>::Continue(())
    });
    match walked {
        Ok(_) => Ok(()),
        Err(Error::Read(error)) => Err(read_error(error.errno)),
        Err(Error::Truncated) => Err(io::ErrorKind::UnexpectedEof.into()),
        Err(error) => Err(io::Error::new(io::ErrorKind::InvalidData, error)),
    }
}

fn member(
    options: &Options,
    path: &Path,
    source: &dyn Source,
    file: &mut FileOutcome,
) -> Result<(), Problem> {
    let mut magic = [0; 4];
    let count = source
        .read_at(0, &mut magic)
        .map_err(|error| Problem::from_elf(error.into()))?;
    match FileKind::of(magic.get(..count).unwrap_or_default(), b"", true) {
        FileKind::Elf => audit_object(options, path, source, file).map(drop),
        FileKind::Bitcode => Err(Problem::INTERMEDIATE),
        _ => Ok(()),
    }
}

/// Audits a member of a thin archive.
fn beside(
    options: &Options,
    archive: &Path,
    name: &[u8],
    path: &Path,
    file: &mut FileOutcome,
) -> Result<(), Problem> {
    let folder = archive.parent().unwrap_or(Path::new(""));
    let opened = open(&folder.join(OsString::from_vec(name.to_vec()))).map_err(Problem::Io)?;
    let kind = opened.metadata().map_err(Problem::Io)?.file_type();
    if !kind.is_file() {
        return Err(Problem::special(kind));
    }
    member(options, path, &FileSource::new(opened), file)
}

/// Returns `archive(name)`; the second member of a name is `archive(name:2)`.
fn member_path(archive: &Path, name: &[u8], number: u32) -> PathBuf {
    let mut path = archive.as_os_str().as_bytes().to_vec();
    path.push(b'(');
    path.extend(name);
    if number > 1 {
        path.extend(format!(":{number}").bytes());
    }
    path.push(b')');
    OsString::from_vec(path).into()
}
