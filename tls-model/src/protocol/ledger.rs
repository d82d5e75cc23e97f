//! The ledger: what the shim counts, in a form that outlives the process.
//!
//! `rseqctl run` makes a file of [`SIZE`] zero bytes that begins with [`header`]: for
//! which process it is, or for which executable. It names it in
//! [`super::variable::LEDGER`]. The shim maps it and counts there, so that a process
//! that is killed has been counted all the same.

use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use crate::owner::{Owner, Reason};

/// First eight bytes; the digit is the layout's version.
pub const MAGIC: [u8; 8] = *b"RSEQLGR2";

/// Bytes of a ledger file: one page.
pub const SIZE: usize = 4096;

/// The counters in memory, native-endian, at the start of the file.
#[repr(C)]
#[derive(Debug)]
pub struct Ledger {
    /// [`MAGIC`].
    pub magic: [u8; 8],
    /// The process that may count here; 0 for the first that runs [`Self::inode`].
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
    /// Device (`st_dev`) of the executable that may count here.
    pub device: u64,
    /// Its inode (`st_ino`); 0 where any may.
    pub inode: u64,
}

impl Ledger {
    /// Returns a ledger that nothing has been counted in.
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
            device: 0,
            inode: 0,
        }
    }

    /// Makes this the ledger of the process `pid`, where it belongs to none yet. Returns false
    /// where it is another's.
    #[must_use]
    pub fn claim(&self, pid: u32) -> bool {
        match self
            .pid
            .compare_exchange(0, pid, Ordering::Relaxed, Ordering::Relaxed)
        {
            Ok(_) => true,
            Err(owner) => owner == pid,
        }
    }

    /// Returns the counters as they stand.
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
            executable: executable(self.device, self.inode),
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
    /// Device and inode.
    pub executable: Option<(u64, u64)>,
}

fn executable(device: u64, inode: u64) -> Option<(u64, u64)> {
    (inode != 0).then_some((device, inode))
}

impl Record {
    /// Returns whether the process `pid` may count here; `runs` tells device and inode of
    /// its executable.
    #[must_use]
    pub fn is_for(&self, pid: u32, runs: impl FnOnce() -> Option<(u64, u64)>) -> bool {
        match self.executable {
            None => self.pid == pid,
            Some(_) => [0, pid].contains(&self.pid) && runs() == self.executable,
        }
    }

    /// Reads the bytes of a ledger file; `None` where they are not one.
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
            executable: executable(
                long(core::mem::offset_of!(Ledger, device))?,
                long(core::mem::offset_of!(Ledger, inode))?,
            ),
        })
    }
}

/// Returns the first bytes of a fresh ledger file; the rest of it is zero. With the device
/// and inode of an executable it is for the first process that runs that, otherwise
/// for `pid`.
#[must_use]
pub fn header(pid: u32, executable: Option<(u64, u64)>) -> [u8; size_of::<Ledger>()] {
    let mut bytes = [0; size_of::<Ledger>()];
    let (device, inode) = executable.unwrap_or_default();
    let pid = if executable.is_some() { 0 } else { pid };
    put(&mut bytes, 0, &MAGIC);
    put(
        &mut bytes,
        core::mem::offset_of!(Ledger, pid),
        &pid.to_ne_bytes(),
    );
    put(
        &mut bytes,
        core::mem::offset_of!(Ledger, device),
        &device.to_ne_bytes(),
    );
    put(
        &mut bytes,
        core::mem::offset_of!(Ledger, inode),
        &inode.to_ne_bytes(),
    );
    bytes
}

fn put(bytes: &mut [u8], place: usize, value: &[u8]) {
    for (to, from) in bytes.iter_mut().skip(place).zip(value) {
        *to = *from;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fresh_header_is_a_ledger_without_counts() {
        let mut file = [0; SIZE];
        let header = header(77, None);
        file[..header.len()].copy_from_slice(&header);
        let record = Record::from_bytes(&file).unwrap();
        assert_eq!(record, Ledger::new(77).record());
        assert_eq!((record.pid, record.starts, record.started), (77, 0, 0));
    }

    #[test]
    fn a_ledger_is_for_a_process_or_for_an_executable() {
        let of = |pid, executable| Record::from_bytes(&header(pid, executable)).unwrap();
        let nobody = || panic!("asked");
        assert!(of(77, None).is_for(77, nobody));
        assert!(!of(77, None).is_for(78, nobody));
        let by_file = of(77, Some((1, 2)));
        assert_eq!((by_file.pid, by_file.executable), (0, Some((1, 2))));
        assert!(by_file.is_for(78, || Some((1, 2))));
        assert!(!by_file.is_for(77, || Some((1, 3))));
        assert!(!by_file.is_for(77, || None));
        let claimed = Record { pid: 78, ..by_file };
        assert!(claimed.is_for(78, || Some((1, 2))));
        assert!(!claimed.is_for(79, || Some((1, 2))));
    }

    #[test]
    fn the_first_to_come_has_it() {
        let ledger = Ledger::new(0);
        assert!(ledger.claim(7));
        assert!(ledger.claim(7), "it has replaced itself by another");
        assert!(!ledger.claim(8));
    }

    #[test]
    fn other_files_are_not_ledgers() {
        assert_eq!(Record::from_bytes(b""), None);
        assert_eq!(Record::from_bytes(b"{\"owner\":\"shim\"}"), None);
        assert_eq!(Record::from_bytes(&MAGIC), None, "cut off after the magic");
    }
}
