//! zip archives: wheels, jars and others.

use std::ffi::OsStr;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rawzip::{CompressionMethod, RECOMMENDED_BUFFER_SIZE, ZipLocator};
use tls_model::elf::Source as _;

use super::bytes::{Blob, Bytes};
use super::codec::Codec;
use super::image::Marks;
use super::inflate::Inflater;
use super::member_path::plain;
use crate::audit::budget::{Budget, Metered};
use crate::audit::problem::Problem;

/// Bytes of the header before a member's contents, its name and extra fields
/// included, where they are of the usual length.
const LOCAL_HEADER: u64 = 256;

type Visit<'a> = dyn FnMut(&[u8], Result<&mut dyn Read, Problem>) -> io::Result<()> + 'a;

/// Visits every file whose name is wanted, or says why it cannot be read.
pub(super) fn each(
    bytes: Bytes<'_>,
    budget: &Budget,
    is_wanted: &dyn Fn(&[u8]) -> bool,
    visit: &mut Visit<'_>,
) -> io::Result<()> {
    let mut buffer = vec![0; RECOMMENDED_BUFFER_SIZE];
    let archive = ZipLocator::new()
        .locate_in_reader(bytes, &mut buffer, bytes.len())
        .map_err(|(_, error)| other(error))?;
    let mut inflater = Inflater::new();
    let mut entries = archive.entries(&mut buffer);
    while let Some(entry) = entries.next_entry().map_err(other)? {
        if entry.is_dir() || entry.uncompressed_size_hint() == 0 {
            continue;
        }
        let name = entry.file_path().as_ref().to_vec();
        if !is_wanted(&name) {
            continue;
        }
        if entry.flags().is_encrypted() {
            visit(&name, Err(Problem::Container("encrypted".to_owned())))?;
            continue;
        }
        // small as most members are, one read has all of it
        let size = entry.compressed_size_hint().saturating_add(LOCAL_HEADER);
        bytes.expect(entry.local_header_offset(), size);
        let contents = match archive.get_entry(entry.wayfinder()) {
            Ok(contents) => contents,
            Err(error) => {
                visit(&name, Err(Problem::Container(error.to_string())))?;
                continue;
            }
        };
        let packed = contents.reader();
        let unpacked: Box<dyn Read> = match entry.compression_method() {
            CompressionMethod::STORE => Box::new(packed),
            CompressionMethod::DEFLATE => Box::new(inflater.over(packed)),
            CompressionMethod::BZIP2 => Codec::Bzip2.decode(packed)?,
            CompressionMethod::ZSTD => Codec::Zstd.decode(packed)?,
            CompressionMethod::XZ => Codec::Xz.decode(packed)?,
            method => {
                let problem = format!("compressed by {method:?}, which is not supported");
                visit(&name, Err(Problem::Container(problem)))?;
                continue;
            }
        };
        match visit(&name, Ok(&mut Metered::new(unpacked, budget))) {
            Err(error) if budget.exceeded().is_none() => {
                visit(&name, Err(Problem::from_container(&error, budget)))?;
            }
            other => other?,
        }
    }
    Ok(())
}

/// Bytes of an archive's last record.
const RECORD: u64 = 22;

/// The longest end of an archive, in bytes: its last record, and a comment.
const END: u64 = RECORD + 0xffff;

/// Returns whether an archive ends where the bytes end, whatever they start with: programs that
/// unpack themselves, and scripts, stand in front of theirs.
pub(super) fn is_at_end(bytes: Bytes<'_>) -> bool {
    if bytes.len() < RECORD {
        return false;
    }
    // most scripts are short, and clearing the usual buffer would cost more than reading them
    let len = usize::try_from(bytes.len()).unwrap_or(usize::MAX);
    let mut buffer = vec![0; RECOMMENDED_BUFFER_SIZE.min(len)];
    let located =
        ZipLocator::new()
            .max_search_space(END)
            .locate_in_reader(bytes, &mut buffer, bytes.len());
    let Ok(archive) = located else {
        return false;
    };
    // a record that ends elsewhere is a part of something else
    archive.end_offset() == bytes.len()
        && matches!(archive.entries(&mut buffer).next_entry(), Ok(Some(_)))
}

/// Writes the files of the images in the archive into a tar archive: their layers are
/// read in another order than they stand in.
pub(super) fn images(bytes: Bytes<'_>, budget: &Budget, marks: &Marks) -> io::Result<Blob> {
    let mut builder = tar::Builder::new(tempfile::tempfile()?);
    let is_wanted = |name: &[u8]| marks.folder_of(name).is_some();
    each(bytes, budget, &is_wanted, &mut |name, part| {
        // what cannot be read has been told
        let Ok(part) = part else { return Ok(()) };
        let blob = Blob::spool(part)?;
        let mut header = tar::Header::new_gnu();
        header.set_size(blob.bytes().len());
        header.set_entry_type(tar::EntryType::Regular);
        let name = Path::new(OsStr::from_bytes(plain(name)));
        // a name that leads out of the image is nothing that a manifest can say
        match builder.append_data(&mut header, name, blob.bytes().reader()) {
            Err(error) if error.kind() == io::ErrorKind::Other => Ok(()),
            written => written,
        }
    })?;
    let mut file = builder.into_inner()?;
    let len = file.seek(SeekFrom::End(0))?;
    Ok(Blob::of_file(file, len))
}

fn other(error: rawzip::Error) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}
