//! What the kernel says about another thread's registration.

use std::io;
use std::ptr::null_mut;

use tls_model::rseq::{PTRACE_GET_RSEQ_CONFIGURATION, PtraceConfiguration};

/// The registration of a thread, stopped for as long as the question takes.
///
/// # Errors
///
/// ESRCH when the thread is gone, EPERM when it may not be looked at (or a
/// debugger holds it), EIO before Linux 5.13.
pub fn registration(thread: u32) -> io::Result<PtraceConfiguration> {
    let thread = thread.cast_signed();
    // SAFETY: PTRACE_SEIZE takes no memory of ours.
    check(unsafe {
        libc::ptrace(
            libc::PTRACE_SEIZE,
            thread,
            null_mut::<u8>(),
            null_mut::<u8>(),
        )
    })?;
    let answer = interrupted(thread);
    // SAFETY: detaching takes no memory of ours; a thread that is gone needs
    // none.
    unsafe {
        libc::ptrace(
            libc::PTRACE_DETACH,
            thread,
            null_mut::<u8>(),
            null_mut::<u8>(),
        )
    };
    answer
}

fn interrupted(thread: i32) -> io::Result<PtraceConfiguration> {
    // SAFETY: no memory of ours.
    check(unsafe {
        libc::ptrace(
            libc::PTRACE_INTERRUPT,
            thread,
            null_mut::<u8>(),
            null_mut::<u8>(),
        )
    })?;
    let mut status = 0;
    // SAFETY: writes to `status`.
    let waited = unsafe { libc::waitpid(thread, &raw mut status, libc::__WALL) };
    check(waited.into())?;
    let mut configuration = PtraceConfiguration::default();
    // SAFETY: the kernel writes at most the size that it is given.
    check(unsafe {
        libc::ptrace(
            PTRACE_GET_RSEQ_CONFIGURATION,
            thread,
            size_of::<PtraceConfiguration>(),
            &raw mut configuration,
        )
    })?;
    Ok(configuration)
}

fn check(result: libc::c_long) -> io::Result<()> {
    if result < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(())
    }
}
