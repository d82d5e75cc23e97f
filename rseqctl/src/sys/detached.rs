//! A detached process: no child of this one, nor of what this one becomes.
//!
//! # Safety
//!
//! Between the two forks only async-signal-safe functions run; the process that
//! looks has one thread.
#![allow(unsafe_code, reason = "see Safety above")]

use std::io::{self, Read as _, Write as _};
use std::os::fd::RawFd;

/// Returns whether this process will not get the orphans of others: it neither is the
/// first of its PID namespace nor has asked for them (`PR_SET_CHILD_SUBREAPER`).
#[must_use]
pub fn can_detach() -> bool {
    let mut reaps: libc::c_int = 0;
    // SAFETY: writes to `reaps`.
    unsafe { libc::prctl(libc::PR_GET_CHILD_SUBREAPER, &raw mut reaps) };
    std::process::id() != 1 && reaps == 0
}

/// Runs `body` in a process whose end this one is not told of: forked twice, in a
/// session of its own, in the root folder, with nothing open but standard error and
/// `keep`. Returns its id, which holds for as long as it lives.
///
/// As after any fork, this process should have one thread.
///
/// # Errors
///
/// No process or pipe can be had.
pub fn detach(keep: RawFd, body: impl FnOnce()) -> io::Result<u32> {
    let (mut reader, mut writer) = io::pipe()?;
    // SAFETY: the child runs on a copy of the one thread.
    let child = unsafe { libc::fork() };
    if child < 0 {
        return Err(io::Error::last_os_error());
    }
    if child == 0 {
        // SAFETY: no arguments.
        unsafe { libc::setsid() };
        // SAFETY: as above.
        let grandchild = unsafe { libc::fork() };
        if grandchild == 0 {
            drop((reader, writer));
            leave(keep);
            body();
        } else {
            // a parent that is gone has no use for it
            let _ = writer.write_all(&grandchild.to_ne_bytes());
        }
        // SAFETY: ends the process without the parent's exit handlers.
        unsafe { libc::_exit(0) };
    }
    drop(writer);
    let mut id = [0; 4];
    let told = reader.read_exact(&mut id);
    drop(reader);
    // SAFETY: our own child; its status is nobody's business. Where SIGCHLD is
    // ignored it is gone already.
    unsafe { libc::waitpid(child, std::ptr::null_mut(), 0) };
    told?;
    u32::try_from(i32::from_ne_bytes(id)).map_err(|_| io::ErrorKind::WouldBlock.into())
}

/// Lets go of everything that the caller may wait for.
fn leave(keep: RawFd) {
    // SAFETY: a C string.
    unsafe { libc::chdir(c"/".as_ptr()) };
    let close = |first: RawFd, last: RawFd| {
        if first > last {
            return;
        }
        // SAFETY: this process uses none of them: std has opened nothing that
        // it needs, and only standard error and `keep` are used from here on.
        let done = unsafe { libc::syscall(libc::SYS_close_range, first, last, 0) };
        if done != 0 {
            // before Linux 5.9; more than this few programs have open
            for descriptor in first..=last.min(1023) {
                // SAFETY: as above.
                unsafe { libc::close(descriptor) };
            }
        }
    };
    close(0, 1);
    close(3, keep - 1);
    close(keep.max(2) + 1, RawFd::MAX);
}

/// A process that is looked at from outside, until it ends.
pub struct Watched {
    process: u32,
    /// pidfd_open(2), Linux 5.3.
    descriptor: Option<std::os::fd::OwnedFd>,
}

impl Watched {
    /// Watches a process that lives now.
    #[must_use]
    pub fn new(process: u32) -> Self {
        // SAFETY: no memory of ours.
        let descriptor = unsafe { libc::syscall(libc::SYS_pidfd_open, process, 0) };
        let descriptor = RawFd::try_from(descriptor)
            .ok()
            .filter(|&descriptor| descriptor >= 0);
        Self {
            process,
            // SAFETY: a fresh descriptor that nobody else has.
            descriptor: descriptor.map(|it| unsafe { std::os::fd::FromRawFd::from_raw_fd(it) }),
        }
    }

    /// Waits this many milliseconds, or until it has ended; returns whether it has.
    #[must_use]
    pub fn ends_within(&self, milliseconds: u16) -> bool {
        let mut wanted = libc::pollfd {
            // poll(2) passes over negative ones
            fd: self
                .descriptor
                .as_ref()
                .map_or(-1, std::os::fd::AsRawFd::as_raw_fd),
            events: libc::POLLIN,
            revents: 0,
        };
        // SAFETY: one entry.
        let ready = unsafe { libc::poll(&raw mut wanted, 1, milliseconds.into()) };
        if self.descriptor.is_some() {
            return ready > 0;
        }
        // SAFETY: signal 0 only asks.
        unsafe { libc::kill(self.process.cast_signed(), 0) != 0 }
    }
}
