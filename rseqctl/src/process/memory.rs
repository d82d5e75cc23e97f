//! A process's memory.

use std::fs::File;
use std::os::unix::fs::FileExt;

use super::proc::Process;

/// A process's memory.
#[derive(Debug)]
pub(super) struct Memory(File);

impl Memory {
    /// Opens the memory of `process`.
    ///
    /// # Errors
    ///
    /// It may not be read: that takes the right to trace the process.
    pub(super) fn open(process: &Process) -> std::io::Result<Self> {
        File::open(process.path("mem")).map(Self)
    }

    fn read<const N: usize>(&self, address: u64) -> Option<[u8; N]> {
        let mut bytes = [0; N];
        // what does not fit the file's signed offset is no address of a process
        i64::try_from(address).ok()?;
        self.0.read_exact_at(&mut bytes, address).ok()?;
        Some(bytes)
    }

    pub(super) fn u32(&self, address: u64) -> Option<u32> {
        self.read(address).map(u32::from_ne_bytes)
    }

    pub(super) fn u64(&self, address: u64) -> Option<u64> {
        self.read(address).map(u64::from_ne_bytes)
    }

    /// Reads a word of an object: its numbers are as wide as its addresses.
    pub(super) fn signed(&self, address: u64, is_narrow: bool) -> Option<i64> {
        if is_narrow {
            self.u32(address).map(|word| i64::from(word.cast_signed()))
        } else {
            self.u64(address).map(u64::cast_signed)
        }
    }
}
