//! The one table of variables that the shim obeys, read once.
//!
//! | variable | values | default |
//! |---|---|---|
//! | `RSEQ_SHIM_MODE` | auto, own, defer, takeover, off | auto |
//! | `RSEQ_SHIM_LOADING` | keep, enforce, warn, off | keep |
//! | `RSEQ_SHIM_LOG` | off, stderr, a path with a slash | off |
//! | `RSEQ_SHIM_REPORT` | a path | no report |
//! | `RSEQ_SHIM_LEDGER` | set by `rseqctl run --report` for the process it starts | none |
//! | `RSEQ_SHIM_PLAN` | set by `rseqctl run` for the program it starts | none |
//! | `RSEQ_SHIM_RESTART` | off; else set by `rseqctl run` for all below it | off |
//!
//! A value that is none of these is reported once on standard error, and the
//! default holds. Under AT_SECURE nothing is read, and the mode is `defer`: a
//! privileged program is not steered by its caller.
//!
//! # Safety
//!
//! What this module owes: the stored paths are written once, by the constructor.

#![allow(unsafe_code, reason = "paths are stored for all threads")]

use core::ffi::CStr;

use tls_model::owner::Mode;
use tls_model::protocol::restart::Handed;
use tls_model::protocol::{HandedPlan, variable};

use crate::process::Process;
use crate::text::{PathBuffer, StoredPath, Text};

/// Where the shim says what it does.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Log {
    /// Nowhere.
    Off,
    /// Standard error.
    Stderr,
    /// Appended to the file in [`LOG_PATH`].
    File,
}

/// What to do about objects that come later and may hold an area.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Loading {
    /// Keep them mapped.
    Keep,
    /// Make them global as well.
    Enforce,
    /// Say what `Enforce` would change.
    Warn,
    /// Nothing.
    Off,
}

/// The variables' values.
pub struct Environment {
    /// `RSEQ_SHIM_MODE`
    pub mode: Mode,
    /// `RSEQ_SHIM_LOADING`
    pub loading: Loading,
    /// `RSEQ_SHIM_LOG`
    pub log: Log,
    /// `RSEQ_SHIM_PLAN`, for whichever program it was made.
    pub plan: Option<HandedPlan>,
    /// `RSEQ_SHIM_RESTART`.
    pub restart: Option<Handed>,
}

/// The file of `RSEQ_SHIM_LOG`, if it names one.
pub static LOG_PATH: StoredPath = StoredPath::new(&LOG_BUFFER);
/// The file of `RSEQ_SHIM_LEDGER`, if set.
pub static LEDGER_PATH: StoredPath = StoredPath::new(&LEDGER_BUFFER);
/// The file of `RSEQ_SHIM_REPORT`, if set.
pub static REPORT_PATH: StoredPath = StoredPath::new(&REPORT_BUFFER);

#[unsafe(link_section = ".bss.rseq_large")]
static LOG_BUFFER: PathBuffer = PathBuffer::new();
#[unsafe(link_section = ".bss.rseq_large")]
static LEDGER_BUFFER: PathBuffer = PathBuffer::new();
#[unsafe(link_section = ".bss.rseq_large")]
static REPORT_BUFFER: PathBuffer = PathBuffer::new();

/// What the names of all of them begin with.
const PREFIX: &[u8] = variable::PREFIX.as_bytes();

impl Environment {
    /// Reads the table.
    pub fn read(process: &Process) -> Self {
        let mut environment = Self {
            mode: Mode::Auto,
            loading: Loading::Keep,
            log: Log::Off,
            plan: None,
            restart: None,
        };
        if process.is_secure() {
            environment.mode = Mode::Defer;
            return environment;
        }
        process.each_variable(PREFIX, |variable| {
            if let Some(rest) = variable.to_bytes().strip_prefix(PREFIX) {
                environment.set(variable, rest);
            }
        });
        environment
    }

    fn set(&mut self, variable: &'static CStr, rest: &[u8]) {
        let Some(equals) = rest.iter().position(|&byte| byte == b'=') else {
            return;
        };
        let (name, value) = rest.split_at(equals);
        let value = value.get(1..).unwrap_or_default();
        let prefix = variable.to_bytes().len() - value.len();
        match name {
            b"MODE" => match Mode::from_name(value) {
                Some(mode) => self.mode = mode,
                None => warn(
                    variable,
                    "is not one of auto, own, defer, takeover, off; taking auto",
                ),
            },
            b"LOADING" => match value {
                b"keep" => self.loading = Loading::Keep,
                b"enforce" => self.loading = Loading::Enforce,
                b"warn" => self.loading = Loading::Warn,
                b"off" => self.loading = Loading::Off,
                _ => warn(
                    variable,
                    "is not one of keep, enforce, warn, off; taking keep",
                ),
            },
            b"LOG" => match value {
                b"off" => self.log = Log::Off,
                b"stderr" => self.log = Log::Stderr,
                _ if value.contains(&b'/') => {
                    self.log = Log::File;
                    store(&LOG_PATH, variable, prefix);
                }
                _ => warn(
                    variable,
                    "is not off, stderr or a path with a slash; taking off",
                ),
            },
            b"LEDGER" if !value.is_empty() => store(&LEDGER_PATH, variable, prefix),
            b"LEDGER" => {}
            // of another release: decided here, as without one
            b"PLAN" => self.plan = HandedPlan::from_bytes(value),
            // likewise: everything stays as it was started
            b"RESTART" => self.restart = Handed::from_bytes(value),
            b"REPORT" if !value.is_empty() => store(&REPORT_PATH, variable, prefix),
            b"REPORT" => warn(variable, "names no file; writing no report"),
            _ => warn(variable, "is not a variable of the shim; ignored"),
        }
    }
}

/// Stores the value that starts at `prefix` of `variable`.
fn store(place: &StoredPath, variable: &'static CStr, prefix: usize) {
    let value = variable
        .to_bytes_with_nul()
        .get(prefix..)
        .unwrap_or_default();
    if let Ok(path) = CStr::from_bytes_with_nul(value) {
        // SAFETY: only the constructor reads the environment, once.
        unsafe { place.set(path) };
    }
}

fn warn(variable: &CStr, what: &str) {
    let mut line = Text::<512>::new();
    line.push(b"librseq_shim: ")
        .push(variable.to_bytes())
        .push(b" ")
        .push(what.as_bytes())
        .push(b"\n");
    line.write_to(libc::STDERR_FILENO);
}
