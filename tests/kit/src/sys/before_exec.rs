//! What a child does between fork and exec.
//!
//! # Safety
//!
//! The closures given to `pre_exec` run in a copy of a process that has other
//! threads: they make system calls only and touch no allocator and no lock.

use std::io::{self, PipeReader, PipeWriter};
use std::os::fd::AsRawFd;
use std::os::unix::process::CommandExt;
use std::process::Command;

use super::seccomp::Filter;

/// Makes the child die with the thread that starts it, and live under `filter`.
///
/// # Safety of the caller
///
/// Start the command on a thread that outlives the child.
pub fn die_with_parent(command: &mut Command, filter: Option<Filter>) {
    let prepare = move || {
        // SAFETY: takes no pointers.
        if unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) } != 0 {
            return Err(io::Error::last_os_error());
        }
        filter.map_or(Ok(()), |filter| filter.install())
    };
    // SAFETY: two or three system calls on memory that the closure owns.
    unsafe { command.pre_exec(prepare) };
}

/// Makes the child live under `filter`, if there is one, write its id to `hello` and
/// wait for one byte from `go`, so that a tracer can seize it before exec.
pub fn wait_for_tracer(
    command: &mut Command,
    filter: Option<Filter>,
    hello: PipeWriter,
    go: PipeReader,
) {
    let prepare = move || {
        if let Some(filter) = filter {
            filter.install()?;
        }
        let id = std::process::id().to_ne_bytes();
        // SAFETY: `id` is as long as stated.
        let sent = unsafe { libc::write(hello.as_raw_fd(), id.as_ptr().cast(), id.len()) };
        if sent != id.len() as isize {
            return Err(io::Error::last_os_error());
        }
        let mut byte = 0_u8;
        // SAFETY: there is room for the one byte asked for.
        match unsafe { libc::read(go.as_raw_fd(), (&raw mut byte).cast(), 1) } {
            1 => Ok(()),
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Err(io::Error::last_os_error()),
        }
    };
    // SAFETY: system calls on memory and descriptors that the closure owns;
    // `process::id` is getpid and nothing else.
    unsafe { command.pre_exec(prepare) };
}
