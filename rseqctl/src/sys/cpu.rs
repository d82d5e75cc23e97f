//! Which processor a thread runs on, and how often it had to leave it.
//!
//! # Safety
//!
//! Sets of processors are live variables whose size is handed to the kernel.
#![allow(unsafe_code, reason = "see Safety above")]

use std::io;
use std::mem::MaybeUninit;

/// Returns the processors that the calling thread may run on.
#[must_use]
pub fn allowed() -> Vec<usize> {
    let mut set = MaybeUninit::<libc::cpu_set_t>::zeroed();
    // SAFETY: a set of that size to be written to.
    let found =
        unsafe { libc::sched_getaffinity(0, size_of::<libc::cpu_set_t>(), set.as_mut_ptr()) };
    if found != 0 {
        return Vec::new();
    }
    // SAFETY: all bit patterns are sets.
    let set = unsafe { set.assume_init() };
    (0..libc::CPU_SETSIZE as usize)
        // SAFETY: below CPU_SETSIZE.
        .filter(|&cpu| unsafe { libc::CPU_ISSET(cpu, &set) })
        .collect()
}

/// Lets a thread (0: the calling one) run on one processor only. It runs there
/// when this returns.
///
/// # Errors
///
/// As sched_setaffinity(2).
pub fn pin(thread: u32, cpu: usize) -> io::Result<()> {
    let set = MaybeUninit::<libc::cpu_set_t>::zeroed();
    // SAFETY: all bit patterns are sets.
    let mut set = unsafe { set.assume_init() };
    if cpu >= libc::CPU_SETSIZE as usize {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    // SAFETY: below CPU_SETSIZE.
    unsafe { libc::CPU_SET(cpu, &mut set) };
    // SAFETY: a set of that size.
    let done = unsafe {
        libc::sched_setaffinity(
            thread.cast_signed(),
            size_of::<libc::cpu_set_t>(),
            &raw const set,
        )
    };
    if done == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// Returns the processor that the calling thread runs on, asked of the kernel itself.
#[must_use]
pub fn current() -> Option<usize> {
    let mut cpu: libc::c_uint = 0;
    let nothing = std::ptr::null_mut::<libc::c_void>();
    // SAFETY: writes to `cpu`.
    let done = unsafe { libc::syscall(libc::SYS_getcpu, &raw mut cpu, nothing, nothing) };
    (done == 0).then_some(cpu as usize)
}

/// How often the calling thread has left its processor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Switches {
    /// Because it waited for something.
    pub voluntary: i64,
    /// Because something else was to run.
    pub preemptions: i64,
}

impl Switches {
    /// Returns how often that was so far.
    #[must_use]
    pub fn now() -> Self {
        let mut usage = MaybeUninit::<libc::rusage>::zeroed();
        // SAFETY: writes to `usage`.
        unsafe { libc::getrusage(libc::RUSAGE_THREAD, usage.as_mut_ptr()) };
        // SAFETY: all bit patterns are numbers.
        let usage = unsafe { usage.assume_init() };
        Self {
            voluntary: usage.ru_nvcsw,
            preemptions: usage.ru_nivcsw,
        }
    }
}
