//! Finding a few known names in a string table of any size, without reading
//! the symbols that use them.
//!
//! Symbols and section headers refer to names by offset. So the table is
//! searched once for the names, and the records are then compared by offset
//! alone; in nearly every object the search finds nothing and no record is read.

use super::strings::Strings;
use super::table::{CHUNK, MOST_BYTES};
use super::{Error, Object, Source};

/// Pairs of bytes that the search looks for: rare in names, and every name that
/// is searched for has one of them.
const RARE: [[u8; 2]; 2] = [*b"q_", *b"ym"];

/// The longest name, in bytes with its NUL, that may be searched for. That many
/// bytes at the end of a chunk are read again with the next.
const LONGEST: usize = 32;

/// Places that are remembered. Linkers store a name once; tail merging and
/// longer names that end the same way add a few.
const MOST_PLACES: usize = 32;

/// Names to search for.
pub(crate) struct Names<'a> {
    /// The names: each below [`LONGEST`] bytes and with one of [`RARE`] in it.
    pub(crate) list: &'a [&'a [u8]],
    /// A name counts also where a version follows it: `name@VERSION`.
    pub(crate) with_version: bool,
}

impl<'a> Names<'a> {
    /// Searches for these names and nothing behind them.
    pub(crate) const fn exactly(list: &'a [&'a [u8]]) -> Self {
        Self {
            list,
            with_version: false,
        }
    }
}

/// Where names were found.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Found {
    places: [(u64, usize); MOST_PLACES],
    len: usize,
    /// There were more places than fit.
    pub(crate) overflow: bool,
}

impl Found {
    const NONE: Self = Self {
        places: [(0, 0); MOST_PLACES],
        len: 0,
        overflow: false,
    };

    /// Returns which name (its index in [`Names::list`]) starts at `offset`.
    pub(crate) fn name_at(&self, offset: u64) -> Option<usize> {
        self.places()
            .iter()
            .find(|(place, _)| *place == offset)
            .map(|(_, name)| *name)
    }

    /// Offsets and indices in [`Names::list`].
    pub(crate) fn places(&self) -> &[(u64, usize)] {
        self.places.get(..self.len).unwrap_or_default()
    }

    fn push(&mut self, offset: u64, name: usize) {
        match self.places.get_mut(self.len) {
            Some(slot) => {
                *slot = (offset, name);
                self.len = self.len.saturating_add(1);
            }
            None => self.overflow = true,
        }
    }
}

impl<S: Source> Object<S> {
    /// Returns every offset of the string table at which one of the names starts and
    /// ends, tails of longer strings included.
    pub(crate) fn find_names(&self, strings: Strings, names: &Names) -> Result<Found, Error> {
        let mut found = Found::NONE;
        self.windows_of(strings, |start, bytes, own| {
            search(bytes, own, names, &mut |place, name| {
                found.push(start.saturating_add(place as u64), name);
            });
        })?;
        Ok(found)
    }

    /// Calls `visit` with pieces of the table that overlap by [`LONGEST`]
    /// bytes: where a piece starts, its bytes, and how many of them are not
    /// seen again.
    fn windows_of(
        &self,
        strings: Strings,
        mut visit: impl FnMut(u64, &[u8], usize),
    ) -> Result<(), Error> {
        if strings.size > MOST_BYTES {
            return Err(Error::Damaged);
        }
        self.expect(strings.offset, strings.size);
        let mut buf = [0; CHUNK];
        let step = CHUNK.saturating_sub(LONGEST);
        let mut start = 0;
        while start < strings.size {
            let rest = usize::try_from(strings.size.saturating_sub(start)).unwrap_or(usize::MAX);
            let wanted = rest.min(CHUNK);
            let at = strings.offset.checked_add(start).ok_or(Error::Damaged)?;
            let bytes = self.bytes_at(at, wanted, &mut buf)?;
            let last = rest <= CHUNK || bytes.len() < wanted;
            // a name that starts behind the step belongs to the next chunk
            let own = if last { bytes.len() } else { step };
            visit(start, bytes, own);
            if bytes.len() < wanted {
                return Err(Error::Truncated);
            }
            if last {
                break;
            }
            start = start.saturating_add(step as u64);
        }
        Ok(())
    }
}

/// Reports every name that starts below `own`. Not generic: so it is compiled here, where
/// it is optimised in every build, and not with the crate that brings the source.
fn search(bytes: &[u8], own: usize, names: &Names, report: &mut dyn FnMut(usize, usize)) {
    let next = bytes.get(1..).unwrap_or_default();
    let mut look_at = |first: usize, block: &[u8], next: &[u8]| {
        for (inside, (&byte, &next)) in block.iter().zip(next).enumerate() {
            if is_rare(byte, next) != 0 {
                let rare_at = first.saturating_add(inside);
                for (number, name) in names.list.iter().enumerate() {
                    if let Some(start) = starts_at(bytes, rare_at, name, names.with_version)
                        && start < own
                    {
                        report(start, number);
                    }
                }
            }
        }
    };
    let (blocks, _) = bytes.as_chunks::<BLOCK>();
    let (nexts, _) = next.as_chunks::<BLOCK>();
    let mut first: usize = 0;
    for (block, next) in blocks.iter().zip(nexts) {
        if has_rare(block, next) {
            look_at(first, block, next);
        }
        first = first.saturating_add(BLOCK);
    }
    let rest = bytes.get(first..).unwrap_or_default();
    look_at(first, rest, rest.get(1..).unwrap_or_default());
}

/// Bytes that are looked at together.
const BLOCK: usize = 64;

/// Returns whether one of [`RARE`] stands in the block, its second byte in what is one
/// byte further.
#[inline]
fn has_rare(block: &[u8; BLOCK], next: &[u8; BLOCK]) -> bool {
    // of a known length and without an early exit: the compiler compares whole vectors
    block
        .iter()
        .zip(next)
        .fold(0, |any, (&byte, &next)| any | is_rare(byte, next))
        != 0
}

/// Returns 1 where two bytes that follow each other are one of [`RARE`], else 0.
#[inline]
fn is_rare(byte: u8, next: u8) -> u8 {
    let is = |[first, second]: [u8; 2]| u8::from(byte == first) & u8::from(next == second);
    let [one, other] = RARE;
    is(one) | is(other)
}

/// Returns where `name` starts, if its first rare pair is the one at `rare_at` and a
/// NUL, or a version, follows it.
fn starts_at(bytes: &[u8], rare_at: usize, name: &[u8], with_version: bool) -> Option<usize> {
    let after = name.get(1..)?;
    let before = name
        .iter()
        .zip(after)
        .position(|(&byte, &next)| is_rare(byte, next) != 0)?;
    let start = rare_at.checked_sub(before)?;
    let end = start.checked_add(name.len())?;
    let is_end = |&byte: &u8| byte == 0 || with_version && byte == b'@';
    let matches = bytes.get(end).is_some_and(is_end) && bytes.get(start..end)? == name;
    matches.then_some(start)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: Names = Names {
        list: &[b"__rseq_abi", b"rseq_cs", b"dlsym"],
        with_version: false,
    };
    const HEADER: usize = 64;

    /// Returns a header with nothing behind it, and a string table of three chunks.
    fn bytes() -> [u8; HEADER + 3 * CHUNK] {
        let mut bytes = [b'x'; HEADER + 3 * CHUNK];
        bytes[..HEADER].fill(0);
        bytes[..7].copy_from_slice(b"\x7fELF\x02\x01\x01");
        bytes
    }

    fn find(bytes: &[u8]) -> Found {
        let strings = Strings {
            offset: HEADER as u64,
            size: (bytes.len() - HEADER) as u64,
        };
        let object = Object::open(bytes).expect("a header");
        object.find_names(strings, &NAMES).expect("all is there")
    }

    #[test]
    #[cfg_attr(miri, ignore = "reads more than Miri can in minutes")]
    fn a_name_is_found_once_wherever_it_stands() {
        for (number, name) in [(0, &b"__rseq_abi\0"[..]), (2, b"dlsym\0")] {
            for at in 0..=3 * CHUNK - name.len() {
                let mut bytes = bytes();
                bytes[HEADER + at..][..name.len()].copy_from_slice(name);
                assert_eq!(find(&bytes).places(), [(at as u64, number)]);
            }
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "reads more than Miri can in minutes")]
    fn a_name_without_its_end_is_none() {
        let mut bytes = bytes();
        let end = bytes.len();
        bytes[end - 10..].copy_from_slice(b"__rseq_abi");
        assert!(find(&bytes).places().is_empty());
        bytes[end - 10..].copy_from_slice(b"q_q_rseq_c");
        assert!(find(&bytes).places().is_empty());
    }

    #[test]
    #[cfg_attr(miri, ignore = "reads more than Miri can in minutes")]
    fn more_places_than_are_kept_are_told() {
        let mut bytes = bytes();
        for place in bytes[HEADER..].chunks_exact_mut(8).take(MOST_PLACES + 1) {
            place.copy_from_slice(b"rseq_cs\0");
        }
        let found = find(&bytes);
        assert!(found.overflow);
        assert_eq!(found.name_at(8), Some(1));
        assert_eq!(found.name_at(9), None);
    }
}
