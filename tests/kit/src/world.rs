//! The worlds that a program is run in: who registers rseq, and what the
//! kernel allows.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::scratch;

/// glibc's own registration, switched off.
pub const GLIBC_OFF: &str = "glibc.pthread.rseq=0";

/// A world, as fixtures name it: `BASE[+witness][+enosys|+eperm]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct World {
    /// glibc registers every thread.
    pub(crate) glibc: bool,
    pub(crate) shim: Shim,
    /// The witness stands before it.
    pub(crate) witness: bool,
    /// The kernel answers this errno.
    pub(crate) denied: Option<i32>,
}

/// Whether the shim is preloaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shim {
    Absent,
    InDefaultMode,
    InMode(&'static str),
}

impl World {
    /// Returns the world of this name.
    ///
    /// # Errors
    ///
    /// There is no such world.
    pub fn from_name(name: &str) -> Result<Self, String> {
        let mut parts = name.split('+');
        let (glibc, shim) = match parts.next().unwrap_or_default() {
            "plain" => (true, Shim::Absent),
            "bare" => (false, Shim::Absent),
            "libc" => (true, Shim::InDefaultMode),
            "shim" => (false, Shim::InDefaultMode),
            "own" => (false, Shim::InMode("own")),
            "defer" => (false, Shim::InMode("defer")),
            "takeover" => (true, Shim::InMode("takeover")),
            "off" => (false, Shim::InMode("off")),
            base => return Err(format!("no world {base:?}")),
        };
        let mut world = Self {
            glibc,
            shim,
            witness: false,
            denied: None,
        };
        for part in parts {
            match part {
                "witness" => world.witness = true,
                "enosys" => world.denied = Some(libc::ENOSYS),
                "eperm" => world.denied = Some(libc::EPERM),
                _ => return Err(format!("no world +{part:?}")),
            }
        }
        Ok(world)
    }
}

/// What the shim and the witness write down about one run.
#[derive(Debug)]
pub struct Records {
    report: PathBuf,
    witness: PathBuf,
}

impl Records {
    /// Returns records not written yet, in a directory of their own.
    ///
    /// # Errors
    ///
    /// The temporary directory cannot be written.
    pub fn new() -> Result<Self, String> {
        let directory = scratch::directory("records")?;
        Ok(Self {
            report: directory.join("report.json"),
            witness: directory.join("witness.txt"),
        })
    }

    /// Returns where a witness is to write (`WITNESS_OUT`).
    #[must_use]
    pub fn witness_path(&self) -> &Path {
        &self.witness
    }

    /// Returns where a shim is to report (`RSEQ_SHIM_REPORT`).
    #[must_use]
    pub fn report_path(&self) -> &Path {
        &self.report
    }

    /// Returns the shim's report.
    ///
    /// # Errors
    ///
    /// There is none, or it says something other than it should.
    pub fn report(&self) -> Result<Report, String> {
        Report::read(&self.report)
    }

    /// Returns what the witness saw: one line per process.
    ///
    /// # Errors
    ///
    /// It wrote nothing, or something unexpected.
    pub fn witness(&self) -> Result<Witness, String> {
        let text = std::fs::read_to_string(&self.witness)
            .map_err(|error| format!("the witness wrote nothing: {error}"))?;
        let mut sum = Witness::default();
        for field in text.split_whitespace() {
            let (name, count) = field.split_once('=').ok_or_else(|| text.clone())?;
            let count: u64 = count.parse().map_err(|_| text.clone())?;
            *match name {
                "created" => &mut sum.created,
                "registered" => &mut sum.registered,
                "foreign" => &mut sum.foreign,
                "missing" => &mut sum.missing,
                "denied" => &mut sum.denied,
                "numbered" => &mut sum.numbered,
                "failed" => &mut sum.failed,
                _ => return Err(format!("witness: {text}")),
            } += count;
        }
        Ok(sum)
    }
}

/// What the witness counted before the first instruction of user code.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Witness {
    /// Threads that `pthread_create` made.
    pub created: u64,
    /// Threads whose `__rseq_abi` the kernel holds with 32 bytes.
    pub registered: u64,
    /// Threads for which the kernel holds something else.
    pub foreign: u64,
    /// Threads that nobody had registered.
    pub missing: u64,
    /// Threads for which the kernel said ENOSYS or EPERM.
    pub denied: u64,
    /// Threads whose `cpu_id` was a CPU number.
    pub numbered: u64,
    /// Threads whose `cpu_id` was -2.
    pub failed: u64,
}

impl Witness {
    /// Returns what it counts where `threads` threads were all registered in time.
    #[must_use]
    pub fn all_registered(threads: u64) -> Self {
        Self {
            created: threads,
            registered: threads,
            numbered: threads,
            ..Self::default()
        }
    }
}

/// The shim's report of one process.
#[derive(Clone, Debug)]
pub struct Report(Value);

impl Report {
    /// Reads a report.
    ///
    /// # Errors
    ///
    /// There is none, or it is not one JSON object.
    pub fn read(path: &Path) -> Result<Self, String> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| format!("no report in {}: {error}", path.display()))?;
        Self::parse(&text)
    }

    /// Reads a report from its text.
    ///
    /// # Errors
    ///
    /// It is not one JSON object.
    pub fn parse(text: &str) -> Result<Self, String> {
        serde_json::from_str(text)
            .map(Self)
            .map_err(|error| format!("report: {error}: {text}"))
    }

    /// Returns who owns the registration.
    ///
    /// # Errors
    ///
    /// The report does not say.
    pub fn owner(&self) -> Result<&str, String> {
        self.0["owner"].as_str().ok_or_else(|| self.lacks("owner"))
    }

    /// Returns why.
    ///
    /// # Errors
    ///
    /// The report does not say.
    pub fn reason(&self) -> Result<&str, String> {
        self.0["reason"]
            .as_str()
            .ok_or_else(|| self.lacks("reason"))
    }

    /// Returns what the shim has read of the program: the size of an adopter's definition,
    /// and whether there is a hidden one (`None` where it did not search).
    ///
    /// # Errors
    ///
    /// The report does not say.
    pub fn definitions(&self) -> Result<(Option<u64>, Option<bool>), String> {
        let definitions = self.0["definitions"].as_object();
        let definitions = definitions.ok_or_else(|| self.lacks("definitions"))?;
        let of = |key| definitions.get(key).ok_or_else(|| self.lacks(key));
        Ok((of("adopter_size")?.as_u64(), of("hidden")?.as_bool()))
    }

    /// Returns the threads `started`, `registered` or `refused`.
    ///
    /// # Errors
    ///
    /// The report does not say.
    pub fn threads(&self, what: &str) -> Result<u64, String> {
        self.0["threads"][what]
            .as_u64()
            .ok_or_else(|| self.lacks(what))
    }

    fn lacks(&self, what: &str) -> String {
        format!("the report lacks {what}: {}", self.0)
    }
}
