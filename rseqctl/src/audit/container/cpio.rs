//! The cpio archive in an RPM package (SVR4 format, `newc`).

use std::collections::HashMap;
use std::io::{self, Read};

use super::read::{damaged, skip};

type Visit<'a> = dyn FnMut(&Member<'_>, &mut dyn Read) -> io::Result<()> + 'a;

/// A regular file.
pub(super) struct Member<'a> {
    pub(super) name: &'a [u8],
    /// Its further names, which came before it: hard links, of which the last has the
    /// contents.
    pub(super) others: Vec<Vec<u8>>,
}

/// Names that wait for their contents; packages have some.
const MOST_WAITING: usize = 100_000;

const HEADER: usize = 110;
const LONGEST: usize = 1 << 16;
const TYPE: u64 = 0o170_000;
const REGULAR: u64 = 0o100_000;

/// Visits every regular file.
pub(super) fn each(reader: &mut dyn Read, visit: &mut Visit<'_>) -> io::Result<()> {
    let mut waiting: HashMap<u64, Vec<Vec<u8>>> = HashMap::new();
    let mut count = 0;
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
        if mode & TYPE == REGULAR {
            // inode and number of names, within one package
            let (inode, is_linked) = (field(&header, 0)?, field(&header, 4)? > 1);
            if size != 0 {
                let others = waiting.remove(&inode).filter(|_| is_linked);
                let others = others.unwrap_or_default();
                visit(&Member { name, others }, &mut contents)?;
            } else if is_linked && count < MOST_WAITING {
                count += 1;
                waiting.entry(inode).or_default().push(name.to_vec());
            }
        }
        let rest = contents.limit();
        skip(reader, rest)?;
        pad(reader, size)?;
    }
}

/// Reads a field of the header, which has thirteen numbers of eight hexadecimal digits.
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
