//! The ledger: what the shim counts, in a form that outlives the process.
//!
//! `rseqctl run --report` makes a file of [`SIZE`] zero bytes that begins with
//! [`MAGIC`] and the process id it is about to exec, and names it in
//! `RSEQ_SHIM_LEDGER`. The shim maps it and counts there, so that a process
//! that is killed has been counted all the same.

use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use crate::owner::{Owner, Reason};

/// First eight bytes; the digit is the layout's version.
pub const MAGIC: [u8; 8] = *b"RSEQLGR1";

/// Bytes of a ledger file: one page.
pub const SIZE: usize = 4096;

/// The counters in memory, native-endian, at the start of the file.
#[repr(C)]
#[derive(Debug)]
pub struct Ledger {
    /// [`MAGIC`].
    pub magic: [u8; 8],
    /// The process that may count here.
    pub pid: AtomicU32,
    /// How often a process with that id has started counting: 0 says that the
    /// shim was not loaded, 2 that the command replaced itself by another.
    pub starts: AtomicU32,
    /// [`Owner`] by number.
    pub owner: AtomicU32,
    /// [`Reason`] by number.
    pub reason: AtomicU32,
    /// Length of the registrations in bytes; 0 where the shim makes none.
    pub length: AtomicU32,
    /// errno of the last refused registration, or 0.
    pub last_errno: AtomicU32,
    /// Threads started: the main thread and those of `pthread_create`.
    pub started: AtomicU64,
    /// Threads seen registered: by the shim, by the libc at their birth, or by
    /// a client through `syscall`.
    pub registered: AtomicU64,
    /// Registrations that the kernel refused, the shim's and the clients', and
    /// threads for which it was not asked again.
    pub refused: AtomicU64,
}

impl Ledger {
    /// A ledger that nobody has counted in.
    #[must_use]
    pub const fn new(pid: u32) -> Self {
        Self {
            magic: MAGIC,
            pid: AtomicU32::new(pid),
            starts: AtomicU32::new(0),
            owner: AtomicU32::new(0),
            reason: AtomicU32::new(0),
            length: AtomicU32::new(0),
            last_errno: AtomicU32::new(0),
            started: AtomicU64::new(0),
            registered: AtomicU64::new(0),
            refused: AtomicU64::new(0),
        }
    }

    /// The counters as they stand.
    #[must_use]
    pub fn record(&self) -> Record {
        Record {
            pid: self.pid.load(Ordering::Relaxed),
            starts: self.starts.load(Ordering::Relaxed),
            owner: Owner::from_number(self.owner.load(Ordering::Relaxed)),
            reason: Reason::from_number(self.reason.load(Ordering::Relaxed)),
            length: self.length.load(Ordering::Relaxed),
            last_errno: self.last_errno.load(Ordering::Relaxed),
            started: self.started.load(Ordering::Relaxed),
            registered: self.registered.load(Ordering::Relaxed),
            refused: self.refused.load(Ordering::Relaxed),
        }
    }
}

/// What a ledger says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are those of `Ledger`")]
pub struct Record {
    pub pid: u32,
    pub starts: u32,
    pub owner: Option<Owner>,
    pub reason: Option<Reason>,
    pub length: u32,
    pub last_errno: u32,
    pub started: u64,
    pub registered: u64,
    pub refused: u64,
}

impl Record {
    /// Reads the bytes of a ledger file; nothing when they are none.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let word = |at: usize| -> Option<u32> {
            Some(u32::from_ne_bytes(
                bytes.get(at..at.checked_add(4)?)?.try_into().ok()?,
            ))
        };
        let long = |at: usize| -> Option<u64> {
            Some(u64::from_ne_bytes(
                bytes.get(at..at.checked_add(8)?)?.try_into().ok()?,
            ))
        };
        if bytes.get(..MAGIC.len())? != MAGIC {
            return None;
        }
        Some(Self {
            pid: word(core::mem::offset_of!(Ledger, pid))?,
            starts: word(core::mem::offset_of!(Ledger, starts))?,
            owner: Owner::from_number(word(core::mem::offset_of!(Ledger, owner))?),
            reason: Reason::from_number(word(core::mem::offset_of!(Ledger, reason))?),
            length: word(core::mem::offset_of!(Ledger, length))?,
            last_errno: word(core::mem::offset_of!(Ledger, last_errno))?,
            started: long(core::mem::offset_of!(Ledger, started))?,
            registered: long(core::mem::offset_of!(Ledger, registered))?,
            refused: long(core::mem::offset_of!(Ledger, refused))?,
        })
    }
}

/// The first bytes of a fresh ledger file for `pid`; the rest of the file is
/// zero.
#[must_use]
pub fn header(pid: u32) -> [u8; 12] {
    let mut bytes = [0; 12];
    for (to, from) in bytes
        .iter_mut()
        .zip(MAGIC.into_iter().chain(pid.to_ne_bytes()))
    {
        *to = from;
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fresh_header_is_a_ledger_without_counts() {
        let mut file = [0; SIZE];
        file[..12].copy_from_slice(&header(77));
        let record = Record::from_bytes(&file).unwrap();
        assert_eq!(record, Ledger::new(77).record());
        assert_eq!((record.pid, record.starts, record.started), (77, 0, 0));
    }

    #[test]
    fn other_files_are_not_ledgers() {
        assert_eq!(Record::from_bytes(b""), None);
        assert_eq!(Record::from_bytes(b"{\"owner\":\"shim\"}"), None);
        assert_eq!(Record::from_bytes(&MAGIC), None, "cut off after the magic");
    }
}
