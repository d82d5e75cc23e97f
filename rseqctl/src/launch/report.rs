//! `--report`: what the shim counted, told when the command has ended.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, FileExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::Serialize;
use tls_model::owner::{Owner, Reason};
use tls_model::protocol::ledger::{self, Record};

use super::decision::Decision;
use super::ledger_verdict::LedgerVerdict;
use crate::program::libraries::OF_ROOT;
use crate::report::{Output, Word};
use crate::sys::descriptors;
use crate::sys::process::{self, Ending};

/// The file the shim counts in. A user's has no name of its own, so that it needs no writable
/// folder and leaves nothing behind. Through `/proc` the kernel keeps programs out that have
/// become another user, so root's has a name that nobody can list or guess.
pub struct LedgerFile {
    file: File,
    name: Option<PathBuf>,
}

/// Where root's are, below its own place.
const LEDGERS: &str = "ledgers";

impl LedgerFile {
    /// Makes an empty ledger. The child writes its process id into it between
    /// fork and exec.
    pub fn create() -> io::Result<Self> {
        if let Some(named) = Self::of_root() {
            return Ok(named);
        }
        let file = process::sealed_file(ledger::SIZE as u64)?;
        Ok(Self { file, name: None })
    }

    /// Makes one with a name; nothing where there is no place for it.
    fn of_root() -> Option<Self> {
        let place = Path::new(OF_ROOT);
        let folder = &place.join(LEDGERS);
        if process::effective_ids().0 != 0 {
            return None;
        }
        let mut builder = DirBuilder::new();
        builder.recursive(true).mode(0o711).create(folder).ok()?;
        let metadata = fs::symlink_metadata(folder).ok()?;
        if !metadata.is_dir() || metadata.uid() != 0 || metadata.mode() & 0o066 != 0 {
            return None;
        }
        // what the kernel has told is kept there, too, and made it for root alone
        let above = fs::symlink_metadata(place).ok()?;
        if above.is_dir() && above.uid() == 0 && above.mode() & 0o055 != 0o055 {
            fs::set_permissions(place, Permissions::from_mode(0o755)).ok()?;
        }
        let file = tempfile::Builder::new()
            .rand_bytes(32)
            .tempfile_in(folder)
            .ok()?;
        file.as_file().set_len(ledger::SIZE as u64).ok()?;
        let for_all = Permissions::from_mode(0o666);
        file.as_file().set_permissions(for_all).ok()?;
        let (file, name) = file.keep().ok()?;
        Some(Self {
            file,
            name: Some(name),
        })
    }

    /// Returns the path by which the child finds it, while the process `holder` has it open.
    pub fn path(&self, holder: u32) -> PathBuf {
        self.name
            .clone()
            .unwrap_or_else(|| format!("/proc/{holder}/fd/{}", self.file.as_raw_fd()).into())
    }

    /// Returns the open file.
    pub fn file(&self) -> &File {
        &self.file
    }

    /// Returns what it says by now.
    pub fn record(&self) -> Option<Record> {
        let mut bytes = [0; ledger::SIZE];
        self.file.read_exact_at(&mut bytes, 0).ok()?;
        Record::from_bytes(&bytes)
    }

    /// Takes its name away: nobody finds it any more.
    pub fn close(&self) {
        if let Some(name) = &self.name {
            let _ = fs::remove_file(name);
        }
    }
}

impl Drop for LedgerFile {
    fn drop(&mut self) {
        self.close();
    }
}

/// Returns whether the shim can be told where to count: there is a /proc, and it is
/// that of our own PID namespace.
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
    /// Standard error (`stderr`).
    Error,
    /// A file.
    File(File),
}

impl Destination {
    /// Opens it.
    pub fn open(place: &Path) -> io::Result<Self> {
        if place.as_os_str().as_bytes() == b"-" {
            return Ok(Self::Standard);
        }
        let text = place.as_os_str().to_string_lossy();
        if text == "stderr" {
            return Ok(Self::Error);
        }
        if let Some(number) = text.strip_prefix("fd:") {
            let number = number
                .parse()
                .map_err(|_| io::Error::other("fd: needs the number of an open descriptor"))?;
            // the command does not inherit it
            return descriptors::duplicate(number).map(|it| Self::File(File::from(it)));
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
            Self::Error => Output::new(io::stderr()).write_all(text.as_bytes()),
            Self::File(file) => Output::new(file).write_all(text.as_bytes()),
        }
    }
}

/// The report: the keys of the shim's own (`RSEQ_SHIM_REPORT`), what was decided,
/// and how the command ended. What was not measured is null.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(title = "rseqctl run --report")]
#[non_exhaustive]
pub struct FinalReport {
    /// The version of this form.
    version: u32,
    /// The process that counted, else the one that was started.
    pid: u32,
    /// The owner that the shim found; null where it was not loaded.
    owner: Option<Word<Owner>>,
    /// Why.
    reason: Option<&'static str>,
    /// The owner that was decided on before the command started.
    planned: Word<Owner>,
    /// Why.
    planned_because: &'static str,
    /// What the two come to, in words.
    verdict: String,
    /// The shim was there and counted; null where nothing came from it.
    shim_loaded: Option<bool>,
    /// Length in bytes of the registrations that the shim made; 0 for none.
    length: Option<u32>,
    /// What it counted.
    threads: Option<Threads>,
    /// errno of the last refusal; null where nothing was refused.
    last_errno: Option<u32>,
    /// Exit status, or null when a signal ended the command.
    exit: Option<u8>,
    /// The signal's number.
    signal: Option<i32>,
}

/// The verdict where nothing was counted.
pub const UNKNOWN: &str = "not known: the shim was not loaded, or could not count";

/// Threads of the process.
#[derive(Debug, Serialize, JsonSchema)]
struct Threads {
    /// The main thread and those of `pthread_create`.
    started: u64,
    /// Registered by the shim, found registered by the libc, or granted to a client.
    registered: u64,
    /// Registrations that the kernel refused.
    refused: u64,
}

impl FinalReport {
    /// Puts together what was planned, counted and seen.
    pub(super) fn new(decision: &Decision, ledger: &LedgerFile, ending: Ending) -> Self {
        let record = ledger.record();
        let pid = record.map_or(0, |record| record.pid);
        let counted = record.filter(|record| record.starts > 0);
        let (exit, signal) = match ending {
            Ending::Exited(status) => (Some(status), None),
            Ending::Killed(signal) => (None, Some(signal)),
        };
        let verdict = counted.map_or_else(
            || UNKNOWN.to_owned(),
            |record| LedgerVerdict::of(decision.owner, &record).to_string(),
        );
        Self {
            version: 2,
            pid,
            owner: counted.and_then(|record| record.owner).map(Word),
            reason: counted.and_then(|record| record.reason).map(Reason::text),
            planned: Word(decision.owner),
            planned_because: decision.reason.foreseen(),
            verdict,
            shim_loaded: match counted {
                Some(_) => Some(true),
                None if decision.sets_preload() => None,
                None => Some(false),
            },
            length: counted.map(|record| record.length),
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
