//! `--report`: what the shim counted, told when the command has ended.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use serde::Serialize;
use tls_model::owner::{Owner, Reason};
use tls_model::protocol::ledger::{self, Record};

use super::decision::Decision;
use crate::report::Output;
use crate::sys::process::{self, Ending};

/// The file the shim counts in. It has no name of its own, so that it needs no
/// writable folder and leaves nothing behind.
pub struct LedgerFile(File);

impl LedgerFile {
    /// Makes an empty ledger. The child writes its process id into it between
    /// fork and exec.
    pub fn create() -> io::Result<Self> {
        process::sealed_file(ledger::SIZE as u64).map(Self)
    }

    /// How the child finds it, while we live.
    pub fn path(&self) -> PathBuf {
        format!("/proc/{}/fd/{}", std::process::id(), self.0.as_raw_fd()).into()
    }

    /// The open file.
    pub fn file(&self) -> &File {
        &self.0
    }

    /// What it says by now.
    pub fn record(&self) -> Option<Record> {
        let mut bytes = [0; ledger::SIZE];
        self.0.read_exact_at(&mut bytes, 0).ok()?;
        Record::from_bytes(&bytes)
    }
}

/// The shim can be told where to count: there is a /proc, and of our own PID
/// namespace.
pub fn has_proc() -> bool {
    Path::new("/proc/self/fd").exists()
}

/// What is said where it cannot.
pub const NO_PROC: &str = "there is no /proc, through which the shim counts";

/// Where the report goes: opened before the command starts, so that a place
/// that cannot be written is said at once.
pub enum Destination {
    /// Standard output (`-`).
    Standard,
    /// A file.
    File(File),
}

impl Destination {
    /// Opens it.
    pub fn open(place: &Path) -> io::Result<Self> {
        if place.as_os_str().as_bytes() == b"-" {
            return Ok(Self::Standard);
        }
        let mut options = OpenOptions::new();
        // a FIFO that nobody reads is an error, not a place to wait
        options
            .write(true)
            .create(true)
            .truncate(true)
            .custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY);
        options.open(place).map(Self::File)
    }

    /// Writes one JSON object.
    pub fn write(self, report: &FinalReport) -> io::Result<()> {
        let mut text = serde_json::to_string_pretty(report)?;
        text.push('\n');
        match self {
            Self::Standard => Output::new(io::stdout()).write_all(text.as_bytes()),
            Self::File(file) => Output::new(file).write_all(text.as_bytes()),
        }
    }
}

/// The report: the keys of the shim's own (`RSEQ_SHIM_REPORT`), and how the
/// command ended.
#[derive(Debug, Serialize)]
pub struct FinalReport {
    version: u32,
    pid: u32,
    owner: &'static str,
    reason: &'static str,
    /// The owner that was decided on before the command started.
    planned: &'static str,
    /// The shim was there and counted; otherwise owner and reason are what was
    /// planned, and there are no counts.
    shim_loaded: bool,
    /// Length in bytes of the registrations that the shim made; 0 for none.
    length: u32,
    threads: Option<Threads>,
    last_errno: Option<u32>,
    /// Exit status, or null when a signal ended the command.
    exit: Option<u8>,
    /// The signal's number.
    signal: Option<i32>,
}

#[derive(Debug, Serialize)]
struct Threads {
    started: u64,
    registered: u64,
    refused: u64,
}

impl FinalReport {
    /// Puts together what was planned, counted and seen.
    pub fn new(decision: &Decision, ledger: &LedgerFile, ending: Ending) -> Self {
        let record = ledger.record();
        let pid = record.map_or(0, |record| record.pid);
        let counted = record.filter(|record| record.starts > 0);
        let (exit, signal) = match ending {
            Ending::Exited(status) => (Some(status), None),
            Ending::Killed(signal) => (None, Some(signal)),
        };
        let owner = counted
            .and_then(|record| record.owner)
            .unwrap_or(decision.owner);
        let reason = counted
            .and_then(|record| record.reason)
            .unwrap_or(decision.reason);
        Self {
            version: 1,
            pid,
            owner: Owner::name(owner),
            planned: decision.owner.name(),
            reason: Reason::text(reason),
            shim_loaded: counted.is_some(),
            length: counted.map_or(0, |record| record.length),
            threads: counted.map(|record| Threads {
                started: record.started,
                registered: record.registered,
                refused: record.refused,
            }),
            last_errno: counted
                .map(|record| record.last_errno)
                .filter(|&errno| errno != 0),
            exit,
            signal,
        }
    }
}
