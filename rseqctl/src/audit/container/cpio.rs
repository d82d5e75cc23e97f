//! The cpio archive in an RPM package (SVR4 format, `newc`).

use std::io::{self, Read};

use super::{damaged, skip};

type Visit<'a> = dyn FnMut(&[u8], &mut dyn Read) -> io::Result<()> + 'a;

const HEADER: usize = 110;
const LONGEST: usize = 1 << 16;
const TYPE: u64 = 0o170_000;
const REGULAR: u64 = 0o100_000;

/// Visits every regular file.
pub(super) fn each(reader: &mut dyn Read, visit: &mut Visit<'_>) -> io::Result<()> {
    loop {
        let mut header = [0; HEADER];
        reader.read_exact(&mut header)?;
        if header[..6] == *b"07070X" {
            return Err(damaged("files above 4 GiB are not supported"));
        }
        if !matches!(&header[..6], b"070701" | b"070702") {
            return Err(damaged("not a cpio archive"));
        }
        let mode = field(&header, 1)?;
        let size = field(&header, 6)?;
        let name_size = field(&header, 11)? as usize;
        if name_size > LONGEST {
            return Err(damaged("a name in it is longer than 64 KiB"));
        }
        let mut name = vec![0; name_size];
        reader.read_exact(&mut name)?;
        pad(reader, (HEADER + name_size) as u64)?;
        let name = name.strip_suffix(b"\0").unwrap_or(&name);
        if name == b"TRAILER!!!" {
            return Ok(());
        }
        let mut contents = reader.take(size);
        if mode & TYPE == REGULAR && size != 0 {
            visit(name, &mut contents)?;
        }
        let rest = contents.limit();
        skip(reader, rest)?;
        pad(reader, size)?;
    }
}

/// The header has thirteen numbers of eight hexadecimal digits.
fn field(header: &[u8; HEADER], index: usize) -> io::Result<u64> {
    header
        .get(6 + index * 8..14 + index * 8)
        .and_then(|digits| std::str::from_utf8(digits).ok())
        .and_then(|digits| u64::from_str_radix(digits, 16).ok())
        .ok_or_else(|| damaged("bad cpio header"))
}

fn pad(reader: &mut dyn Read, len: u64) -> io::Result<()> {
    skip(reader, len.next_multiple_of(4) - len)
}
