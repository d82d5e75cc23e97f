//! Debian packages: an `ar` archive whose `data.tar` holds the files.

use std::io::{self, Read};

use super::codec::Codec;
use super::read::{damaged, fill, skip};
use crate::audit::budget::{Budget, Metered};

const MAGIC: u64 = 8;
const HEADER: usize = 60;

/// Hands the package's tar archive, unpacked, to `visit`.
pub(super) fn data(
    reader: &mut dyn Read,
    budget: &Budget,
    visit: &mut dyn FnMut(&mut dyn Read) -> io::Result<()>,
) -> io::Result<()> {
    skip(reader, MAGIC)?;
    loop {
        let mut header = [0; HEADER];
        if fill(reader, &mut header)? < HEADER {
            return Err(damaged("the package ends before its files do"));
        }
        if header[58..] != *b"`\n" {
            return Err(damaged("bad member header"));
        }
        let size: u64 = std::str::from_utf8(&header[48..58])
            .ok()
            .and_then(|digits| digits.trim_ascii_end().parse().ok())
            .ok_or_else(|| damaged("bad member size"))?;
        if !header.starts_with(b"data.tar") {
            skip(reader, size.next_multiple_of(2))?;
            continue;
        }
        let mut member = reader.take(size);
        let mut head = [0; Codec::HEAD];
        let count = fill(&mut member, &mut head)?;
        let head = head.get(..count).unwrap_or_default();
        let mut packed = head.chain(member);
        return match Codec::of(head) {
            Some(codec) => visit(&mut Metered::new(codec.decode(packed)?, budget)),
            None if header.starts_with(b"data.tar ") || header.starts_with(b"data.tar/") => {
                visit(&mut packed)
            }
            None => Err(damaged(
                "its files are compressed in a way that is not supported",
            )),
        };
    }
}
