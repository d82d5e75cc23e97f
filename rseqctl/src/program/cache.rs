//! ld.so.cache, the format of glibc 2.2 and later (also behind the old one).
//! Damage is no error: the dynamic linker goes on without the cache, too.

use super::hardware::Hardware;

const OLD: &[u8] = b"ld.so-1.7.0\0";
const NEW: &[u8] = b"glibc-ld.so.cache1.1";
const OLD_HEADER: usize = 16;
const OLD_ENTRY: usize = 12;
const HEADER: usize = 48;
const ENTRY: usize = 24;
/// In `hwcap`: the lower half is an index into the hardware names.
const EXTENDED: u64 = 1 << 62;
const EXTENSION_MAGIC: u32 = 0xeaa4_2174;
/// The extension with the names of hardware folders.
const HARDWARE_NAMES: u32 = 1;

/// A library list, looked up by name.
pub(super) struct Cache {
    bytes: Vec<u8>,
    /// Where the new format starts: strings are counted from there.
    start: usize,
    entries: usize,
    big_endian: bool,
}

impl Cache {
    /// Returns a cache, if `bytes` is one.
    pub(super) fn new(bytes: Vec<u8>) -> Option<Self> {
        let start = if bytes.starts_with(OLD) {
            let old = u32::from_ne_bytes(bytes.get(12..16)?.try_into().ok()?) as usize;
            let end = OLD_HEADER.checked_add(old.checked_mul(OLD_ENTRY)?)?;
            end.next_multiple_of(8)
        } else {
            0
        };
        if !bytes.get(start..)?.starts_with(NEW) {
            return None;
        }
        // the byte order stands in the header since glibc 2.33; 0 means unknown
        let order = *bytes.get(start + 28)?;
        let mut cache = Self {
            bytes,
            start,
            entries: 0,
            big_endian: order == 3 || (order == 0 && cfg!(target_endian = "big")),
        };
        cache.entries = cache.word(start + 20)? as usize;
        Some(cache)
    }

    /// Returns the path of the library `name` with these flags: that of the best name in
    /// `glibc-hwcaps`, else the first one that is for the processor.
    pub(super) fn find(&self, name: &[u8], flags: u32, hardware: &Hardware) -> Option<&[u8]> {
        let names = self.hardware_names();
        let mut best: Option<(usize, &[u8])> = None;
        for index in 0..self.entries {
            let at = self.start + HEADER + index * ENTRY;
            let Some(entry) = self.bytes.get(at..at + ENTRY) else {
                break;
            };
            if self.word(at) != Some(flags) || self.string(at + 4) != Some(name) {
                continue;
            }
            let hwcap = self.long(entry)?;
            let rank = if hwcap & EXTENDED != 0 {
                let text = names.get((hwcap & 0xffff_ffff) as usize).copied();
                let Some(rank) = hardware
                    .named
                    .iter()
                    .position(|known| text == Some(known.as_bytes()))
                else {
                    continue;
                };
                rank
            } else if hardware.takes(hwcap) {
                hardware.named.len()
            } else {
                continue;
            };
            if best.is_none_or(|(other, _)| rank < other)
                && let Some(path) = self.string(at + 8)
            {
                best = Some((rank, path));
            }
        }
        best.map(|(_, path)| path)
    }

    fn hardware_names(&self) -> Vec<&[u8]> {
        self.extension(HARDWARE_NAMES).unwrap_or_default()
    }

    /// Returns the strings that an extension points to.
    fn extension(&self, wanted: u32) -> Option<Vec<&[u8]>> {
        let at = self.start + self.word(self.start + 32)? as usize;
        if at == self.start || self.word(at)? != EXTENSION_MAGIC {
            return None;
        }
        let count = self.word(at + 4)?.min(16) as usize;
        let section = (0..count)
            .map(|index| at + 8 + index * 16)
            .find(|&section| self.word(section) == Some(wanted))?;
        let offset = self.start + self.word(section + 8)? as usize;
        let size = self.word(section + 12)? as usize;
        (0..size / 4)
            .map(|index| self.string(offset + index * 4))
            .collect()
    }

    /// Returns the string that the number at `at` points to.
    fn string(&self, at: usize) -> Option<&[u8]> {
        let from = self.start.checked_add(self.word(at)? as usize)?;
        let rest = self.bytes.get(from..)?;
        rest.get(..rest.iter().position(|&byte| byte == 0)?)
    }

    fn word(&self, at: usize) -> Option<u32> {
        let bytes = self.bytes.get(at..at.checked_add(4)?)?.try_into().ok()?;
        Some(if self.big_endian {
            u32::from_be_bytes(bytes)
        } else {
            u32::from_le_bytes(bytes)
        })
    }

    fn long(&self, entry: &[u8]) -> Option<u64> {
        let bytes = entry.get(16..24)?.try_into().ok()?;
        Some(if self.big_endian {
            u64::from_be_bytes(bytes)
        } else {
            u64::from_le_bytes(bytes)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_and_damage() {
        let Ok(bytes) = std::fs::read("/etc/ld.so.cache") else {
            return;
        };
        let hardware = Hardware::default();
        let cache = Cache::new(bytes.clone()).expect("the machine's own is a cache");
        assert!(cache.entries > 0);
        assert_eq!(cache.find(b"libnone.so.99", 0x303, &hardware), None);
        for cut in (0..bytes.len()).step_by(997) {
            if let Some(cache) = Cache::new(bytes[..cut].to_vec()) {
                let _ = cache.find(b"libc.so.6", 0x303, &hardware);
            }
        }
        for at in 0..200.min(bytes.len()) {
            let mut changed = bytes.clone();
            changed[at] ^= 0xff;
            if let Some(cache) = Cache::new(changed) {
                let _ = cache.find(b"libc.so.6", 0x303, &hardware);
            }
        }
    }
}
