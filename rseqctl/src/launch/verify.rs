//! Whether the decision holds in the process that runs.
//!
//! The shim counts in a ledger: whom it found, whom it registered. A process
//! that is nobody's child keeps the ledger, looks at it until the answer is
//! there or the command has ended, says what is not as planned, and is gone.
//! The command itself is not touched: no ptrace, no signal, no child that it
//! does not know.

use std::fmt;
use std::io::{self, Write as _};
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use tls_model::owner::{Owner, Reason};
use tls_model::protocol::ledger::{self, Record};
use tls_model::protocol::variable;

use super::decision::Decision;
use super::environment::Environment;
use super::report::{LedgerFile, NO_PROC, has_proc};
use super::target::Target;
use crate::sys::detached::{Watched, can_detach, detach};

/// How long it looks.
const PATIENCE: Duration = Duration::from_secs(3);

/// How long bad news have to stay the same: the shim writes owner and counts one
/// after the other.
const SETTLED: Duration = Duration::from_millis(200);

/// What the ledger says about the decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finding {
    /// The shim has not said enough yet.
    NotYet,
    /// It is as planned; so many threads are registered.
    Holds(u64),
    /// Somebody else owns the registration, for that reason.
    OtherOwner(Owner, Option<Reason>),
    /// The registrations of the planned owner were refused with that errno.
    Refused(u32),
}

impl Finding {
    /// Compares the planned owner with what the shim has counted.
    pub fn of(planned: Owner, record: &Record) -> Self {
        let Some(owner) = record.owner.filter(|_| record.starts > 0) else {
            return Self::NotYet;
        };
        if owner != planned {
            return Self::OtherOwner(owner, record.reason);
        }
        match planned {
            Owner::Libc | Owner::Unavailable => Self::Holds(record.registered),
            _ if record.registered > 0 => Self::Holds(record.registered),
            _ if record.refused > 0 => Self::Refused(record.last_errno),
            _ => Self::NotYet,
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotYet => f.write_str("nothing was registered yet"),
            Self::Holds(0) => f.write_str("it is so"),
            Self::Holds(threads) => write!(f, "it is so ({threads} registered so far)"),
            Self::OtherOwner(owner, reason) => {
                write!(f, "it is {}", owner.name())?;
                reason.map_or(Ok(()), |reason| write!(f, ": {}", reason.text()))
            }
            Self::Refused(errno) => {
                write!(f, "the kernel refuses its registrations (errno {errno})")
            }
        }
    }
}

/// Why a decision is not verified.
#[derive(Debug)]
#[non_exhaustive]
pub enum NotVerified {
    /// The shim, which would tell, is not loaded.
    NoShim,
    /// There is no /proc, through which the shim counts.
    NoProc,
    /// The process that would look could not be anybody's child but ours.
    GetsOrphans,
    /// That process, or the ledger, could not be made.
    NoWatcher(io::Error),
}

impl fmt::Display for NotVerified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoShim => f.write_str("the shim is not there to tell"),
            Self::NoProc => f.write_str(NO_PROC),
            Self::GetsOrphans => f.write_str(
                "this process gets the orphans of others (it is the first of a container): use \
                 --report",
            ),
            Self::NoWatcher(error) => write!(f, "nobody can look: {error}"),
        }
    }
}

impl std::error::Error for NotVerified {}

/// What is to be verified.
struct Plan {
    command: PathBuf,
    owner: Owner,
    /// Good news are told as well.
    is_asked: bool,
}

/// Lets a process look at the program that this one is about to become, or that
/// the launchers on the way to it start: the ledger is for its executable.
///
/// # Errors
///
/// Why nobody will look.
pub fn watch(
    target: &Target,
    decision: &Decision,
    environment: &mut Environment,
    is_asked: bool,
) -> Result<(), NotVerified> {
    if !decision.preload {
        return Err(NotVerified::NoShim);
    }
    if !has_proc() {
        return Err(NotVerified::NoProc);
    }
    if !can_detach() {
        return Err(NotVerified::GetsOrphans);
    }
    let ledger = LedgerFile::create().map_err(NotVerified::NoWatcher)?;
    let process = std::process::id();
    ledger
        .file()
        .write_all_at(&ledger::header(process, target.identity()), 0)
        .map_err(NotVerified::NoWatcher)?;
    let plan = Plan {
        // what a launcher starts, not the launcher
        command: if target.through.is_empty() {
            target.path.clone()
        } else {
            target.executable.clone()
        },
        owner: decision.owner,
        is_asked,
    };
    let keep = ledger.file().as_raw_fd();
    let watcher = detach(keep, || look(&plan, process, &ledger)).map_err(NotVerified::NoWatcher)?;
    environment.set(variable::LEDGER, format!("/proc/{watcher}/fd/{keep}"));
    Ok(())
}

/// The life of the process that looks.
fn look(plan: &Plan, process: u32, ledger: &LedgerFile) {
    let watched = Watched::new(process);
    let deadline = Instant::now() + PATIENCE;
    let mut pause = 2;
    let mut last = (Finding::NotYet, Instant::now());
    loop {
        let has_ended = watched.ends_within(pause);
        pause = (pause * 2).min(50);
        let record = ledger.record();
        let finding = record.map_or(Finding::NotYet, |record| Finding::of(plan.owner, &record));
        if finding != last.0 {
            last = (finding, Instant::now());
        }
        let is_settled = match finding {
            Finding::NotYet => false,
            Finding::Holds(_) => true,
            _bad => last.1.elapsed() >= SETTLED,
        };
        if is_settled || has_ended || Instant::now() > deadline {
            let counting = record.map_or(0, |record| record.pid);
            let process = if counting == 0 { process } else { counting };
            tell(plan, process, finding, has_ended);
            return;
        }
    }
}

fn tell(plan: &Plan, process: u32, finding: Finding, has_ended: bool) {
    let is_worth_it = match finding {
        Finding::OtherOwner(..) | Finding::Refused(_) => true,
        Finding::Holds(_) | Finding::NotYet => plan.is_asked,
    };
    if is_worth_it {
        let ended = if has_ended { ", which has ended" } else { "" };
        // nobody is left to tell where standard error is gone
        let _ = writeln!(
            io::stderr(),
            "rseqctl: {} (process {process}{ended}): the owner was to be {}: {finding}",
            plan.command.display(),
            plan.owner.name()
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_ledger_says() {
        let nothing = Record {
            pid: 1,
            starts: 0,
            owner: Some(Owner::Unavailable),
            reason: None,
            length: 0,
            last_errno: 0,
            started: 0,
            registered: 0,
            refused: 0,
            executable: None,
        };
        assert_eq!(Finding::of(Owner::Client, &nothing), Finding::NotYet);
        let client = Record {
            starts: 1,
            owner: Some(Owner::Client),
            ..nothing
        };
        assert_eq!(Finding::of(Owner::Client, &client), Finding::NotYet);
        let granted = Record {
            registered: 3,
            ..client
        };
        assert_eq!(Finding::of(Owner::Client, &granted), Finding::Holds(3));
        let refused = Record {
            refused: 1,
            last_errno: 22,
            ..client
        };
        assert_eq!(Finding::of(Owner::Client, &refused), Finding::Refused(22));
        let libc = Record {
            owner: Some(Owner::Libc),
            reason: Some(Reason::LibcRegistered),
            ..granted
        };
        assert_eq!(
            Finding::of(Owner::Client, &libc),
            Finding::OtherOwner(Owner::Libc, Some(Reason::LibcRegistered))
        );
    }
}
