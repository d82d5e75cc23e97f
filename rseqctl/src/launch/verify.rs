//! Whether the decision holds in the process that runs.
//!
//! The shim counts in a ledger: whom it found, whom it registered. A detached
//! process keeps the ledger, looks at it until the answer is there or the command
//! has ended, says what is not as planned, and ends.
//! The command itself is not touched: no ptrace, no signal, no child that it
//! does not know.

use std::fmt;
use std::io;
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use tls_model::owner::Owner;
use tls_model::protocol::ledger;
use tls_model::protocol::variable;

use super::decision::Decision;
use super::environment::Environment;
use super::ledger_verdict::LedgerVerdict;
use super::manner::Watch;
use super::report::{LedgerFile, NO_PROC, UNKNOWN, has_proc};
use super::target::Target;
use crate::report::{complain, text};
use crate::sys::detached::{Watched, can_detach, detach};
use crate::sys::signals;

/// How long bad news has to stay the same: the shim writes owner and counts one
/// after the other.
const SETTLED: Duration = Duration::from_millis(200);

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
            Self::NoWatcher(error) => write!(f, "nobody can look: {}", text::cause(error)),
        }
    }
}

impl std::error::Error for NotVerified {}

/// What the decision promises, and how it is verified.
struct Expectation {
    command: PathBuf,
    owner: Owner,
    /// Good news is reported as well.
    is_asked: bool,
    how: Watch,
}

impl Expectation {
    fn new(target: &Target, decision: &Decision, is_asked: bool, how: Watch) -> Self {
        Self {
            command: target.named().to_path_buf(),
            owner: decision.owner,
            is_asked,
            how,
        }
    }
}

/// Lets a process look at the program that this one is about to become, or that
/// the launchers on the way to it start: the ledger is for its executable.
///
/// # Errors
///
/// Why no process will look.
pub fn watch(
    target: &Target,
    decision: &Decision,
    environment: &mut Environment,
    is_asked: bool,
    how: Watch,
) -> Result<(), NotVerified> {
    can_watch(decision)?;
    let ledger = LedgerFile::create().map_err(NotVerified::NoWatcher)?;
    let process = std::process::id();
    ledger
        .file()
        .write_all_at(&ledger::header(process, target.identity()), 0)
        .map_err(NotVerified::NoWatcher)?;
    let expected = Expectation::new(target, decision, is_asked, how);
    let keep = ledger.file().as_raw_fd();
    let watcher = detach(keep, || {
        wait_for_verdict(&expected, process, &ledger);
        ledger.close();
    })
    .map_err(NotVerified::NoWatcher)?;
    environment.set(variable::LEDGER, ledger.path(watcher));
    // it is the watcher's from here on
    std::mem::forget(ledger);
    Ok(())
}

/// Does the same with a ledger that this process reads at the end: it looks as long as
/// this process lives.
///
/// # Errors
///
/// Why no process will look.
pub fn watch_ledger(
    target: &Target,
    decision: &Decision,
    ledger: &LedgerFile,
    how: Watch,
) -> Result<(), NotVerified> {
    can_watch(decision)?;
    let expected = Expectation::new(target, decision, true, how);
    let process = std::process::id();
    let keep = ledger.file().as_raw_fd();
    detach(keep, || wait_for_verdict(&expected, process, ledger))
        .map_err(NotVerified::NoWatcher)?;
    Ok(())
}

fn can_watch(decision: &Decision) -> Result<(), NotVerified> {
    if !decision.preload {
        return Err(NotVerified::NoShim);
    }
    if !has_proc() {
        return Err(NotVerified::NoProc);
    }
    if !can_detach() {
        return Err(NotVerified::GetsOrphans);
    }
    Ok(())
}

/// Reads the ledger until it answers, the command has ended or patience has, and reports
/// the verdict: the work of the detached process.
fn wait_for_verdict(expected: &Expectation, process: u32, ledger: &LedgerFile) {
    let watched = Watched::new(process);
    let deadline = Instant::now() + expected.how.patience;
    let mut pause = 2;
    let mut last = (LedgerVerdict::NotYet, Instant::now());
    loop {
        let has_ended = watched.ends_within(pause);
        pause = (pause * 2).min(50);
        let record = ledger.record();
        let verdict = record.map_or(LedgerVerdict::NotYet, |record| {
            LedgerVerdict::of(expected.owner, &record)
        });
        if verdict != last.0 {
            last = (verdict, Instant::now());
        }
        let is_settled = match verdict {
            LedgerVerdict::NotYet => false,
            LedgerVerdict::Holds(_) | LedgerVerdict::Replaced(..) => true,
            _bad => last.1.elapsed() >= SETTLED,
        };
        if is_settled || has_ended || Instant::now() > deadline {
            let counting = record.map_or(0, |record| record.pid);
            let process = if counting == 0 { process } else { counting };
            let has_counted = record.is_some_and(|record| record.starts > 0);
            if !expected.is_asked && !verdict.is_bad() {
                // nobody waits for good news
            } else if has_counted {
                tell(expected, process, &verdict, has_ended);
            } else {
                tell(expected, process, &UNKNOWN, has_ended);
            }
            // silence is no wrong outcome
            let is_wrong = has_counted && (verdict.is_bad() || verdict == LedgerVerdict::NotYet);
            if expected.how.is_fatal && !has_ended && is_wrong {
                signals::send(process.cast_signed(), libc::SIGTERM);
            }
            return;
        }
    }
}

fn tell(expected: &Expectation, process: u32, verdict: &impl fmt::Display, has_ended: bool) {
    let ended = if has_ended { ", which has ended" } else { "" };
    complain(format_args!(
        "{} (process {process}{ended}): the owner was to be {}: {verdict}",
        expected.command.display(),
        expected.owner.name()
    ));
}
