//! Signals: those of the command stay as the caller set them up, and the parent
//! that waits for a report passes on what it is sent.
//!
//! # Safety
//!
//! Handlers store to atomics or make one async-signal-safe call; sets and actions
//! are live variables.
#![allow(unsafe_code, reason = "see Safety above")]

use std::io;
use std::mem::MaybeUninit;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::ptr::{null, null_mut};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use libc::{c_int, siginfo_t, sigset_t};

use super::ending::Ending;

/// What this process was started with: the Rust runtime changes SIGPIPE, a parent
/// that waits needs SIGCHLD at its default, and [`outlive_limits`] ignores SIGXFSZ.
static AT_START: [(c_int, AtomicUsize); 3] = [
    (libc::SIGPIPE, AtomicUsize::new(libc::SIG_DFL)),
    (libc::SIGCHLD, AtomicUsize::new(libc::SIG_DFL)),
    (libc::SIGXFSZ, AtomicUsize::new(libc::SIG_DFL)),
];

/// Runs before the Rust runtime does.
#[used]
#[unsafe(link_section = ".init_array")]
static REMEMBER: extern "C" fn() = remember;

extern "C" fn remember() {
    for (signal, at_start) in &AT_START {
        let mut action = MaybeUninit::<libc::sigaction>::uninit();
        // SAFETY: asks only; the answer is written to `action`.
        if unsafe { libc::sigaction(*signal, null(), action.as_mut_ptr()) } == 0 {
            // SAFETY: filled in by the call.
            let action = unsafe { action.assume_init() };
            at_start.store(action.sa_sigaction, Ordering::Relaxed);
        }
    }
}

/// Makes a file that RLIMIT_FSIZE forbids an error (EFBIG): what rseqctl writes
/// for itself is no reason to die before the command has started.
pub fn outlive_limits() {
    // SAFETY: "ignore", no function.
    unsafe { libc::signal(libc::SIGXFSZ, libc::SIG_IGN) };
}

/// Makes ended children wait to be waited for.
pub fn expect_children() {
    // SAFETY: the default action, no function.
    unsafe { libc::signal(libc::SIGCHLD, libc::SIG_DFL) };
}

/// A set of signals, blocked until dropped or restored.
#[derive(Clone, Copy)]
pub struct Mask(sigset_t);

impl Mask {
    /// Returns what the calling thread blocks now.
    pub fn current() -> Self {
        let mut set = MaybeUninit::uninit();
        // SAFETY: asks only; the answer is written to `set`.
        unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, null(), set.as_mut_ptr()) };
        // SAFETY: filled in: asking cannot fail.
        Self(unsafe { set.assume_init() })
    }

    /// Blocks everything that can be blocked.
    pub fn block_all() {
        let set = all();
        // SAFETY: a filled set.
        unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &raw const set, null_mut()) };
    }

    /// Lets every signal through.
    pub fn block_none() {
        let mut set = MaybeUninit::uninit();
        // SAFETY: writes the set.
        unsafe { libc::sigemptyset(set.as_mut_ptr()) };
        // SAFETY: written.
        let set: sigset_t = unsafe { set.assume_init() };
        // SAFETY: a filled set.
        unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &raw const set, null_mut()) };
    }

    /// Makes this the calling thread's mask.
    pub fn restore(&self) {
        // SAFETY: a filled set.
        unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &raw const self.0, null_mut()) };
    }

    /// Makes this the calling thread's mask, and sets what we changed as it was at start.
    /// For use between fork and exec, too.
    pub fn restore_for_command(&self) {
        for (signal, at_start) in &AT_START {
            // SAFETY: async-signal-safe (signal-safety(7)); after exec the
            // handler can only have been the default or "ignore", no function.
            unsafe { libc::signal(*signal, at_start.load(Ordering::Relaxed)) };
        }
        // SAFETY: async-signal-safe; a filled set.
        unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &raw const self.0, null_mut()) };
    }
}

fn all() -> sigset_t {
    let mut set = MaybeUninit::uninit();
    // SAFETY: writes the set.
    unsafe { libc::sigfillset(set.as_mut_ptr()) };
    // SAFETY: filled.
    unsafe { set.assume_init() }
}

/// A signal that was sent to this process.
pub struct Received {
    /// Its number.
    pub number: c_int,
    /// Some process sent it; otherwise the kernel did, as the terminal's driver
    /// does to the whole foreground group.
    pub from_a_process: bool,
}

/// Waits for the next blocked signal.
pub fn wait() -> Option<Received> {
    let set = all();
    let mut info = MaybeUninit::<siginfo_t>::uninit();
    // SAFETY: a filled set; the answer is written to `info`.
    let number = unsafe { libc::sigwaitinfo(&raw const set, info.as_mut_ptr()) };
    if number < 0 {
        return None;
    }
    // SAFETY: filled in by the call.
    let info = unsafe { info.assume_init() };
    Some(Received {
        number,
        from_a_process: info.si_code <= 0,
    })
}

/// Waits until something has become of a child or a traced thread, or `limit`
/// is over. SIGCHLD must be blocked in every thread.
pub fn wait_for_child(limit: Duration) {
    let limit = libc::timespec {
        tv_sec: limit.as_secs() as libc::time_t,
        tv_nsec: libc::c_long::from(limit.subsec_nanos()),
    };
    let set = of(libc::SIGCHLD);
    // SAFETY: a filled set and a time; no answer is wanted.
    unsafe { libc::sigtimedwait(&raw const set, null_mut(), &raw const limit) };
}

/// Returns whether a blocked signal other than SIGCHLD waits for the calling thread.
pub fn is_any_pending() -> bool {
    let mut set = MaybeUninit::uninit();
    // SAFETY: writes the set.
    unsafe { libc::sigpending(set.as_mut_ptr()) };
    // SAFETY: filled in: asking cannot fail.
    let mut set: sigset_t = unsafe { set.assume_init() };
    // SAFETY: a filled set and a number of a signal.
    unsafe { libc::sigdelset(&raw mut set, libc::SIGCHLD) };
    (1..=SIGNALS).any(|number| {
        // SAFETY: likewise.
        unsafe { libc::sigismember(&raw const set, number) == 1 }
    })
}

/// Signals of Linux, numbered from 1.
const SIGNALS: c_int = 64;

fn of(number: c_int) -> sigset_t {
    let mut set = MaybeUninit::uninit();
    // SAFETY: writes the set.
    unsafe { libc::sigemptyset(set.as_mut_ptr()) };
    // SAFETY: written.
    let mut set: sigset_t = unsafe { set.assume_init() };
    // SAFETY: a filled set and a number of a signal.
    unsafe { libc::sigaddset(&raw mut set, number) };
    set
}

/// What has become of a child.
pub enum Change {
    /// It has ended, and was waited for.
    Ended(Ending),
    /// It is stopped.
    Stopped,
}

/// Checks whether the child has ended or stopped, without waiting.
///
/// # Errors
///
/// As waitpid(2).
pub fn poll_child(child: i32) -> io::Result<Option<Change>> {
    let mut status = 0;
    // SAFETY: writes to `status`.
    let found = unsafe { libc::waitpid(child, &raw mut status, libc::WNOHANG | libc::WUNTRACED) };
    if found < 0 {
        return Err(io::Error::last_os_error());
    }
    if found == 0 {
        return Ok(None);
    }
    let status = ExitStatus::from_raw(status);
    Ok(Some(match (status.signal(), status.code()) {
        (Some(signal), _) => Change::Ended(Ending::Killed(signal)),
        // an exit status has eight bits
        (None, Some(code)) => Change::Ended(Ending::Exited(code as u8)),
        (None, None) => Change::Stopped,
    }))
}

/// Stops this process; goes on when somebody continues it.
pub fn stop_as_well() {
    // SAFETY: a signal to ourselves.
    unsafe { libc::raise(libc::SIGSTOP) };
}

/// Sends a signal to a child that was not waited for yet.
pub fn send(child: i32, number: c_int) {
    // SAFETY: no memory of ours.
    unsafe { libc::kill(child, number) };
}

/// Ends this process by a signal, without a core file of its own.
pub fn die_by(number: c_int) {
    let limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: a limit of our own.
    unsafe { libc::setrlimit(libc::RLIMIT_CORE, &raw const limit) };
    // SAFETY: the default action, no function.
    unsafe { libc::signal(number, libc::SIG_DFL) };
    // SAFETY: a signal to ourselves.
    unsafe { libc::raise(number) };
    Mask::block_none();
}
