//! What interrupts a thread: signals and membarrier(2).
//!
//! # Safety
//!
//! The handler does nothing; system calls take numbers.
#![allow(unsafe_code, reason = "see Safety above")]

use std::io;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicPtr, AtomicU32, Ordering};
use std::time::Duration;

use super::section::Handshake;

/// The critical section that the handler looks at.
static SECTION: AtomicPtr<Handshake> = AtomicPtr::new(null_mut());
/// Signals that came.
static CAME: AtomicU32 = AtomicU32::new(0);
/// Signals that came while a thread was in the section.
static CAME_INSIDE: AtomicU32 = AtomicU32::new(0);

extern "C" fn handler(_: libc::c_int) {
    CAME.fetch_add(1, Ordering::Relaxed);
    // SAFETY: null, or a handshake that is never freed.
    if let Some(section) = unsafe { SECTION.load(Ordering::Relaxed).as_ref() } {
        if section.inside.load(Ordering::Relaxed) == 1 {
            CAME_INSIDE.fetch_add(1, Ordering::Relaxed);
        }
        section.stop.store(1, Ordering::Relaxed);
    }
}

/// Counts SIGALRM and SIGUSR1 from now on; each makes a thread leave `section`
/// by its end, if it is still there afterwards.
pub fn count_signals(section: &'static Handshake) {
    SECTION.store((&raw const *section).cast_mut(), Ordering::Relaxed);
    for signal in [libc::SIGALRM, libc::SIGUSR1] {
        let function: extern "C" fn(libc::c_int) = handler;
        // SAFETY: the handler is async-signal-safe: atomic variables only.
        unsafe { libc::signal(signal, function as libc::sighandler_t) };
    }
}

/// Returns the signals so far, and those that found a thread in the section.
#[must_use]
pub fn signals() -> (u32, u32) {
    (
        CAME.load(Ordering::Relaxed),
        CAME_INSIDE.load(Ordering::Relaxed),
    )
}

/// Sends SIGALRM to this process after `delay`, from the timer's interrupt: no
/// other task has to run for it.
///
/// # Errors
///
/// As setitimer(2).
pub fn alarm_after(delay: Duration) -> io::Result<()> {
    let timer = libc::itimerval {
        it_interval: libc::timeval {
            tv_sec: 0,
            tv_usec: 0,
        },
        it_value: libc::timeval {
            tv_sec: delay.as_secs() as libc::time_t,
            tv_usec: libc::suseconds_t::from(delay.subsec_micros()),
        },
    };
    // SAFETY: a filled timer; no old one is asked for.
    if unsafe { libc::setitimer(libc::ITIMER_REAL, &raw const timer, null_mut()) } == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// Sends SIGUSR1 to the calling thread, and returns after its handler has run.
pub fn raise() {
    // SAFETY: a signal to ourselves.
    unsafe { libc::raise(libc::SIGUSR1) };
}

/// Lets other threads have the processor.
pub fn yield_processor() {
    // SAFETY: no arguments.
    unsafe { libc::sched_yield() };
}

const REGISTER_RSEQ: libc::c_int = 1 << 8;
const RSEQ: libc::c_int = 1 << 7;

fn membarrier(command: libc::c_int) -> io::Result<()> {
    // SAFETY: no memory of ours.
    if unsafe { libc::syscall(libc::SYS_membarrier, command, 0, 0) } == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// Says that this process is going to use [`barrier`].
///
/// # Errors
///
/// As membarrier(2): EINVAL before Linux 5.10.
pub fn announce_barriers() -> io::Result<()> {
    membarrier(REGISTER_RSEQ)
}

/// Aborts the critical sections of all other threads of this process.
///
/// # Errors
///
/// As membarrier(2).
pub fn barrier() -> io::Result<()> {
    membarrier(RSEQ)
}
