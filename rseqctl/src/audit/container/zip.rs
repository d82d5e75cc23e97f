//! zip archives: wheels, jars and others.

use std::io::{self, Read};

use rawzip::{CompressionMethod, RECOMMENDED_BUFFER_SIZE, ZipLocator};
use tls_model::elf::Source as _;

use super::bytes::Bytes;
use super::codec::Codec;
use super::inflate::Inflater;
use super::kind::is_no_object;
use crate::audit::budget::{Budget, Metered};
use crate::audit::problem::Problem;

/// Bytes of the header before a member's contents, its name and extra fields
/// included, where they are of the usual length.
const LOCAL_HEADER: u64 = 256;

type Visit<'a> = dyn FnMut(&[u8], Result<&mut dyn Read, Problem>) -> io::Result<()> + 'a;

/// Visits every file, or says why it cannot be read.
pub(super) fn each(bytes: Bytes<'_>, budget: &Budget, visit: &mut Visit<'_>) -> io::Result<()> {
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
        if is_no_object(&name) {
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

fn other(error: rawzip::Error) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}
