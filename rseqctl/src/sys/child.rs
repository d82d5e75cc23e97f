//! A child for a bounded time: what it writes, and how it ends.
//!
//! # Safety
//!
//! Between fork and exit the child calls what it was given, in a process with one
//! thread; pipes are owned by one side each.
#![allow(unsafe_code, reason = "see Safety above")]

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::time::Duration;

use super::ending::Ending;
use super::process::read_within;
use super::signals::{self, Mask};

/// What a child came to.
#[derive(Debug)]
pub struct Told {
    /// What it has written, also when it was killed.
    pub text: Vec<u8>,
    /// How it ended; none where its time was over and we killed it.
    pub ending: Option<Ending>,
}

/// Forks, lets the child run `body`, and waits for it as long as `patience`.
/// The child dies with this process, leaves no core file, has its signals at
/// their defaults, and never returns from here.
///
/// This process should have one thread: another one may hold a lock at the
/// moment of the fork, which the child would wait for until it is killed.
///
/// # Errors
///
/// No process or pipe can be had.
pub fn ask(patience: Duration, body: impl FnOnce(&mut File)) -> io::Result<Told> {
    signals::expect_children();
    let (reader, writer) = io::pipe()?;
    let mut writer = File::from(OwnedFd::from(writer));
    let parent = std::process::id();
    // SAFETY: the child runs on a copy of the one thread; std and the libc work
    // in it as they do after any fork.
    let child = unsafe { libc::fork() };
    if child < 0 {
        return Err(io::Error::last_os_error());
    }
    if child == 0 {
        drop(reader);
        prepare(parent);
        body(&mut writer);
        // a reader that is gone has no use for the rest
        let _ = writer.flush();
        // SAFETY: ends this process without the parent's exit handlers.
        unsafe { libc::_exit(0) };
    }
    drop(writer);
    let mut text = Vec::new();
    let is_late = read_within(reader, patience, &mut text).is_err();
    if is_late {
        signals::send(child, libc::SIGKILL);
    }
    let mut status = 0;
    // SAFETY: writes to `status`.
    while unsafe { libc::waitpid(child, &raw mut status, 0) } < 0 {
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
    let status = ExitStatus::from_raw(status);
    let ending = match (status.signal(), status.code()) {
        _ if is_late => None,
        (Some(signal), _) => Some(Ending::Killed(signal)),
        // an exit status has eight bits
        (None, code) => Some(Ending::Exited(code.unwrap_or_default() as u8)),
    };
    Ok(Told { text, ending })
}

fn prepare(parent: u32) {
    // SAFETY: no memory of ours.
    unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
    // SAFETY: no arguments.
    if unsafe { libc::getppid() }.cast_unsigned() != parent {
        // SAFETY: ends this process: its parent is gone already.
        unsafe { libc::_exit(1) };
    }
    // before Linux 5.16 a core dump ends all processes that share the memory
    // SAFETY: no memory of ours.
    unsafe { libc::prctl(libc::PR_SET_DUMPABLE, 0) };
    let none = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: a limit of our own.
    unsafe { libc::setrlimit(libc::RLIMIT_CORE, &raw const none) };
    for signal in [libc::SIGSEGV, libc::SIGBUS, libc::SIGILL, libc::SIGSYS] {
        // SAFETY: the default action, no function.
        unsafe { libc::signal(signal, libc::SIG_DFL) };
    }
    Mask::block_none();
}
