//! Static libraries: the members of `ar` archives, thin ones included.
//!
//! System V and GNU names (`name/`, `/offset` in the member `//`) and BSD names
//! (`#1/length`); `ar(5)` and binutils `include/aout/ar.h`.

use core::ops::ControlFlow;

use crate::elf::{Error, ReadError, Source};

/// First bytes of an archive.
pub const MAGIC: [u8; 8] = *b"!<arch>\n";

/// First bytes of a thin archive, whose members stay in files of their own.
pub const THIN_MAGIC: [u8; 8] = *b"!<thin>\n";

/// Longest name of a member, in bytes. Thin archives hold paths.
pub const LONGEST_NAME: usize = 4096;

/// Bytes of a member's header, and the places of its fields.
const HEADER: usize = 60;
const SIZE: core::ops::Range<usize> = 48..58;
const END: core::ops::Range<usize> = 58..60;

/// One member that holds something of its own: no table of symbols or names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Member<'a> {
    /// Its name; in thin archives a path, seen from the archive's folder.
    pub name: &'a [u8],
    /// Where its contents start in the archive, in bytes; none in thin
    /// archives.
    pub offset: Option<u64>,
    /// Bytes of its contents.
    pub size: u64,
}

/// The table of long names: where it is in the archive, in bytes.
#[derive(Clone, Copy, Default)]
struct Names {
    offset: u64,
    size: u64,
}

/// Calls `visit` with every member, in order, until it breaks.
///
/// # Errors
///
/// [`Error::Damaged`] where the bytes are no archive or a header is none,
/// [`Error::Truncated`], [`Error::TooLong`] (a name), [`Error::Read`]. The
/// members before the damage have been visited.
pub fn members<S: Source + ?Sized, B>(
    source: &S,
    mut visit: impl FnMut(Member) -> ControlFlow<B>,
) -> Result<Option<B>, Error> {
    let mut magic = [0; MAGIC.len()];
    read_exact(source, 0, &mut magic)?;
    let thin = match magic {
        MAGIC => false,
        THIN_MAGIC => true,
        _ => return Err(Error::Damaged),
    };
    let mut names = Names::default();
    let mut buf = [0; LONGEST_NAME];
    let mut at = MAGIC.len() as u64;
    loop {
        let mut header = [0; HEADER];
        match read_some(source, at, &mut header)? {
            0 => return Ok(None),
            // a newline that pads the last member
            1 if header.first() == Some(&b'\n') => return Ok(None),
            HEADER => {}
            _ => return Err(Error::Truncated),
        }
        if header.get(END) != Some(b"`\n") {
            return Err(Error::Damaged);
        }
        let size = header.get(SIZE).and_then(decimal).ok_or(Error::Damaged)?;
        let data = at.checked_add(HEADER as u64).ok_or(Error::Damaged)?;
        let field = header.get(..16).unwrap_or_default();
        let field = field.trim_ascii_end();
        let is_table = matches!(field, b"/" | b"//" | b"/SYM64/") || field.starts_with(b"__.SYM");
        if field == b"//" {
            names = Names { offset: data, size };
        }
        let mut inline = 0;
        if !is_table {
            let name = if let Some(length) = field.strip_prefix(b"#1/") {
                inline = decimal(length)
                    .filter(|&length| length <= size)
                    .ok_or(Error::Damaged)?;
                text(source, data, inline, b'\0', &mut buf)?
            } else if let Some(offset) = field.strip_prefix(b"/") {
                // in thin archives ":origin" may follow
                let end = offset.iter().position(|&byte| byte == b':');
                let digits = offset.get(..end.unwrap_or(offset.len()));
                let offset = digits.and_then(decimal).ok_or(Error::Damaged)?;
                let rest = names.size.checked_sub(offset).ok_or(Error::Damaged)?;
                let start = names.offset.checked_add(offset).ok_or(Error::Damaged)?;
                let name = text(source, start, rest, b'\n', &mut buf)?;
                name.strip_suffix(b"/").unwrap_or(name)
            } else {
                field.strip_suffix(b"/").unwrap_or(field)
            };
            let member = Member {
                name,
                offset: (!thin).then(|| data.saturating_add(inline)),
                size: size.saturating_sub(inline),
            };
            let is_symbols = name.starts_with(b"__.SYMDEF");
            if !is_symbols && let ControlFlow::Break(value) = visit(member) {
                return Ok(Some(value));
            }
        }
        let held = if thin && !is_table { 0 } else { size };
        at = data
            .checked_add(held)
            .and_then(|end| end.checked_next_multiple_of(2))
            .ok_or(Error::Damaged)?;
    }
}

/// Returns a number in decimal digits, blanks behind it.
fn decimal(text: &[u8]) -> Option<u64> {
    let digits = text.trim_ascii_end();
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_u64, |number, &byte| {
        let digit = byte.checked_sub(b'0').filter(|digit| *digit < 10)?;
        number.checked_mul(10)?.checked_add(u64::from(digit))
    })
}

/// Returns the text at `start` up to `end` or `rest` bytes.
fn text<'b, S: Source + ?Sized>(
    source: &S,
    start: u64,
    rest: u64,
    end: u8,
    buf: &'b mut [u8],
) -> Result<&'b [u8], Error> {
    let most = usize::try_from(rest).unwrap_or(usize::MAX);
    let want = buf.len().min(most);
    let target = buf.get_mut(..want).ok_or(Error::Damaged)?;
    let got = read_some(source, start, target)?;
    let held = target.get(..got).unwrap_or_default();
    match held.iter().position(|&byte| byte == end) {
        Some(length) => Ok(held.get(..length).unwrap_or_default()),
        None if got < want => Err(Error::Truncated),
        None if want < most => Err(Error::TooLong),
        None => Ok(held),
    }
}

fn read_some<S: Source + ?Sized>(source: &S, at: u64, buf: &mut [u8]) -> Result<usize, Error> {
    Ok(source.read_at(at, buf)?.min(buf.len()))
}

fn read_exact<S: Source + ?Sized>(source: &S, at: u64, buf: &mut [u8]) -> Result<(), Error> {
    if read_some(source, at, buf)? == buf.len() {
        Ok(())
    } else {
        Err(Error::Truncated)
    }
}

/// A part of a source, as a source of its own: one member's contents.
#[derive(Clone, Copy, Debug)]
pub struct Part<S> {
    source: S,
    start: u64,
    size: u64,
}

impl<S: Source> Part<S> {
    /// Returns the `size` bytes from `start` on.
    pub const fn new(source: S, start: u64, size: u64) -> Self {
        Self {
            source,
            start,
            size,
        }
    }
}

impl<S: Source> Source for Part<S> {
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<usize, ReadError> {
        let rest = self.size.saturating_sub(offset);
        let len = buf.len().min(usize::try_from(rest).unwrap_or(usize::MAX));
        let (Some(buf), Some(at)) = (buf.get_mut(..len), self.start.checked_add(offset)) else {
            return Ok(0);
        };
        if buf.is_empty() {
            return Ok(0);
        }
        self.source.read_at(at, buf)
    }

    fn expect(&self, offset: u64, len: u64) {
        let rest = self.size.saturating_sub(offset);
        if let Some(at) = self.start.checked_add(offset) {
            self.source.expect(at, len.min(rest));
        }
    }
}
