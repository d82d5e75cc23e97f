//! Starting the command: in our place, or as a child that we wait for.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use tls_model::ledger;

use super::signals::{self, Mask};

/// How the command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// With an exit status.
    Exited(u8),
    /// By a signal.
    Killed(i32),
}

/// Effective user and group.
#[must_use]
pub fn effective_ids() -> (u32, u32) {
    // SAFETY: no arguments, cannot fail.
    let uid = unsafe { libc::geteuid() };
    // SAFETY: likewise.
    (uid, unsafe { libc::getegid() })
}

/// The file carries capabilities that executing it would grant.
#[must_use]
pub fn grants_capabilities(path: &Path) -> bool {
    let Ok(path) = std::ffi::CString::new(path.as_os_str().as_encoded_bytes()) else {
        return false;
    };
    // SAFETY: C strings; no buffer: asks for the size only.
    let size = unsafe {
        libc::getxattr(
            path.as_ptr(),
            c"security.capability".as_ptr(),
            std::ptr::null_mut(),
            0,
        )
    };
    size > 0 && effective_ids().0 != 0
}

fn command(
    path: &Path,
    name: &OsStr,
    arguments: &[OsString],
    environment: &BTreeMap<OsString, OsString>,
) -> Command {
    let mut command = Command::new(path);
    command
        .arg0(name)
        .args(arguments)
        .env_clear()
        .envs(environment);
    command
}

/// Replaces this process by the command; answers only when it cannot. Signal
/// mask and SIGPIPE are as this process was started with.
pub fn exec(
    path: &Path,
    name: &OsStr,
    arguments: &[OsString],
    environment: &BTreeMap<OsString, OsString>,
) -> io::Error {
    let mask = Mask::current();
    let mut command = command(path, name, arguments, environment);
    // SAFETY: async-signal-safe.
    unsafe {
        command.pre_exec(move || {
            mask.restore_for_command();
            Ok(())
        });
    }
    command.exec()
}

/// Runs the command as a child in our process group, and passes on the signals
/// that are sent to us. The child's process id goes into `ledger` before exec.
///
/// # Errors
///
/// When the command could not be started.
pub fn supervise(
    path: &Path,
    name: &OsStr,
    arguments: &[OsString],
    environment: &BTreeMap<OsString, OsString>,
    ledger: &File,
) -> io::Result<Ending> {
    let mask = Mask::current();
    Mask::block_all();
    signals::expect_children();
    let ledger = ledger.try_clone()?;
    let mut command = command(path, name, arguments, environment);
    // SAFETY: getpid, pwrite and what changes signals are async-signal-safe;
    // nothing allocates.
    unsafe {
        command.pre_exec(move || {
            ledger.write_all_at(&ledger::header(std::process::id()), 0)?;
            mask.restore_for_command();
            Ok(())
        });
    }
    let mut child = command.spawn()?;
    loop {
        if let Some(status) = child.try_wait()? {
            use std::os::unix::process::ExitStatusExt;
            return Ok(match (status.code(), status.signal()) {
                (_, Some(signal)) => Ending::Killed(signal),
                // an exit status has eight bits
                (code, None) => Ending::Exited(code.unwrap_or_default() as u8),
            });
        }
        // SIGCHLD wakes us; the terminal's own signals reach the child as well
        if let Some(received) = signals::wait()
            && received.from_a_process
            && received.number != libc::SIGCHLD
        {
            // SAFETY: the child has not been waited for, so the id is its own.
            unsafe { libc::kill(child.id().cast_signed(), received.number) };
        }
    }
}

/// Ends this process as the command ended.
pub fn die_by(signal: i32) -> ! {
    signals::die_by(signal);
    // a signal that does not kill us all the same
    std::process::exit(128 + signal)
}
