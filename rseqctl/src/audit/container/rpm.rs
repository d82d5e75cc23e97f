//! RPM packages: a lead, two headers, and a compressed cpio archive.

use std::io::{self, Read};

use super::codec::Codec;
use super::read::{damaged, fill, skip};

const LEAD: u64 = 96;
const ENTRY: u64 = 16;

/// Returns the package's cpio archive, unpacked.
pub(super) fn payload<'a>(reader: &'a mut dyn Read) -> io::Result<Box<dyn Read + 'a>> {
    skip(reader, LEAD)?;
    let signature = header(reader)?;
    // only the first header is padded
    skip(reader, signature.next_multiple_of(8) - signature)?;
    header(reader)?;
    let mut head = [0; Codec::HEAD];
    let count = fill(reader, &mut head)?;
    let head = io::Cursor::new(head.get(..count).unwrap_or_default().to_vec());
    let codec = Codec::of(head.get_ref());
    let packed = head.chain(reader);
    match codec {
        Some(codec) => codec.decode(packed),
        None if packed.get_ref().0.get_ref().starts_with(b"07070") => Ok(Box::new(packed)),
        None => Err(damaged(
            "its files are compressed in a way that is not supported",
        )),
    }
}

/// Skips a header; returns its length in bytes.
fn header(reader: &mut dyn Read) -> io::Result<u64> {
    let mut intro = [0; 16];
    reader.read_exact(&mut intro)?;
    let [
        0x8e,
        0xad,
        0xe8,
        1,
        _,
        _,
        _,
        _,
        e0,
        e1,
        e2,
        e3,
        s0,
        s1,
        s2,
        s3,
    ] = intro
    else {
        return Err(damaged("bad package header"));
    };
    let entries = u64::from(u32::from_be_bytes([e0, e1, e2, e3]));
    let store = u64::from(u32::from_be_bytes([s0, s1, s2, s3]));
    let len = entries * ENTRY + store;
    skip(reader, len)?;
    Ok(len + intro.len() as u64)
}
