//! `/etc/ld.so.cache`: where the dynamic linker finds libraries of directories
//! that it does not search itself (ldconfig(8)).
//!
//! Layout of "glibc-ld.so.cache1.1" (glibc 2.2): a header of 48 bytes, entries
//! of 24 bytes in falling order of names, strings by offset from the header.
//! Until glibc 2.31 ldconfig put the older "ld.so-1.7.0" format before it.

use core::cmp::Ordering;
use core::ffi::CStr;

use tls_model::elf::Source;

use super::file::File;

const NEW: &[u8] = b"glibc-ld.so.cache1.1";
const OLD: &[u8] = b"ld.so-1.7.0";
const OLD_HEADER: u64 = 16;
const OLD_ENTRY: u64 = 12;
const HEADER: u64 = 48;
const ENTRY: u64 = 24;
/// Longest path that is looked at.
const LONGEST: usize = 512;

/// Where it is.
pub const PATH: &CStr = c"/etc/ld.so.cache";

/// Calls `visit` with the path of every library of this name, the preferred one
/// first, until it answers true.
pub fn find(name: &[u8], mut visit: impl FnMut(&[u8]) -> bool) {
    let Some(cache) = File::open(PATH).and_then(Cache::new) else {
        return;
    };
    let Some(mut index) = cache.first(name) else {
        return;
    };
    let mut buffer = [0; LONGEST];
    while cache.order(index, name) == Some(Ordering::Equal) {
        let path = cache.string(index, 8, &mut buffer);
        if path.is_some_and(&mut visit) {
            return;
        }
        index += 1;
    }
}

struct Cache {
    file: File,
    start: u64,
    count: u64,
}

impl Cache {
    fn new(file: File) -> Option<Self> {
        let mut head = [0; 24];
        file.read_at(0, &mut head).ok()?;
        let mut start = 0;
        if head.starts_with(OLD) {
            let entries = u64::from(word(&file, 12)?);
            start = (OLD_HEADER + entries * OLD_ENTRY).next_multiple_of(8);
            file.read_at(start, &mut head).ok()?;
        }
        if !head.starts_with(NEW) {
            return None;
        }
        let count = u64::from(word(&file, start + 20)?);
        Some(Self { file, start, count })
    }

    /// The first entry of this name.
    fn first(&self, name: &[u8]) -> Option<u64> {
        let (mut low, mut high) = (0, self.count);
        while low < high {
            let middle = low + (high - low) / 2;
            if self.order(middle, name)? == Ordering::Greater {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        (low < self.count).then_some(low)
    }

    /// How the name of an entry compares with `name`.
    fn order(&self, index: u64, name: &[u8]) -> Option<Ordering> {
        if index >= self.count {
            return None;
        }
        let mut buffer = [0; LONGEST];
        Some(compare(self.string(index, 4, &mut buffer)?, name))
    }

    /// The string whose offset is `field` bytes into an entry.
    fn string<'b>(
        &self,
        index: u64,
        field: u64,
        buffer: &'b mut [u8; LONGEST],
    ) -> Option<&'b [u8]> {
        let entry = self.start + HEADER + index * ENTRY;
        let offset = u64::from(word(&self.file, entry + field)?);
        let count = self.file.read_at(self.start + offset, buffer).ok()?;
        let held = buffer.get(..count)?;
        let end = held.iter().position(|&byte| byte == 0)?;
        held.get(..end)
    }
}

fn word(file: &File, offset: u64) -> Option<u32> {
    let mut bytes = [0; 4];
    let count = file.read_at(offset, &mut bytes).ok()?;
    (count == bytes.len()).then(|| u32::from_ne_bytes(bytes))
}

/// The order of ldconfig: runs of digits count as numbers and come after
/// everything else.
fn compare(left: &[u8], right: &[u8]) -> Ordering {
    let (mut left, mut right) = (left, right);
    loop {
        let ((first, left_rest), (second, right_rest)) = match (left, right) {
            ([], []) => return Ordering::Equal,
            ([], _) => return Ordering::Less,
            (_, []) => return Ordering::Greater,
            ([first, left_rest @ ..], [second, right_rest @ ..]) => {
                ((first, left_rest), (second, right_rest))
            }
        };
        match (first.is_ascii_digit(), second.is_ascii_digit()) {
            (true, true) => {
                let (one, other);
                (one, left) = number(left);
                (other, right) = number(right);
                if one != other {
                    return one.cmp(&other);
                }
            }
            (true, false) => return Ordering::Greater,
            (false, true) => return Ordering::Less,
            (false, false) if first != second => return first.cmp(second),
            (false, false) => (left, right) = (left_rest, right_rest),
        }
    }
}

/// The number that a text starts with, and what follows it.
fn number(text: &[u8]) -> (u64, &[u8]) {
    let mut value = 0_u64;
    let mut rest = text;
    while let [digit @ b'0'..=b'9', after @ ..] = rest {
        value = value.wrapping_mul(10).wrapping_add(u64::from(digit - b'0'));
        rest = after;
    }
    (value, rest)
}
