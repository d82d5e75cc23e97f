//! Starting the command: in our place, or as a child that we wait for.
//!
//! # Safety
//!
//! What runs between fork and exec is async-signal-safe; pointers handed to the
//! kernel point to live variables.
#![allow(unsafe_code, reason = "see Safety above")]

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ffi::{CString, OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, getxattr, memfd_create};
use rustix::process::{getegid, geteuid};
use tls_model::protocol::ledger;

use super::descriptors;
use super::signals::{self, Change, Mask};

pub use super::ending::Ending;

/// Returns the effective user and group.
#[must_use]
pub fn effective_ids() -> (u32, u32) {
    (geteuid().as_raw(), getegid().as_raw())
}

/// Returns whether we may execute the file (access(2)).
#[must_use]
pub fn may_execute(path: &Path) -> bool {
    let Ok(path) = std::ffi::CString::new(path.as_os_str().as_encoded_bytes()) else {
        return false;
    };
    // SAFETY: a C string.
    unsafe { libc::faccessat(libc::AT_FDCWD, path.as_ptr(), libc::X_OK, libc::AT_EACCESS) == 0 }
}

/// Reads everything that comes through a pipe until it is closed. Without a
/// thread: the user's preloads would see one more of them.
///
/// # Errors
///
/// `TimedOut` when it is not closed within `patience`, else as read(2); what
/// came before that is in `text`.
pub fn read_within(
    mut pipe: impl io::Read + AsRawFd,
    patience: Duration,
    text: &mut Vec<u8>,
) -> io::Result<()> {
    let deadline = Instant::now() + patience;
    let mut chunk = [0; 4096];
    loop {
        let rest = deadline.saturating_duration_since(Instant::now());
        let mut wanted = libc::pollfd {
            fd: pipe.as_raw_fd(),
            events: libc::POLLIN,
            revents: 0,
        };
        let milliseconds = i32::try_from(rest.as_millis()).unwrap_or(i32::MAX);
        // SAFETY: one entry.
        match unsafe { libc::poll(&raw mut wanted, 1, milliseconds) } {
            0 => return Err(io::ErrorKind::TimedOut.into()),
            1.. => match pipe.read(&mut chunk)? {
                0 => return Ok(()),
                count => text.extend(chunk.iter().take(count)),
            },
            _ => {
                let error = io::Error::last_os_error();
                if error.kind() != io::ErrorKind::Interrupted {
                    return Err(error);
                }
            }
        }
    }
}

/// Returns what another program writes to its standard output, if it ends within
/// `patience`. It gets no input, and what it writes to standard error is discarded.
#[must_use]
pub fn answer_of(command: &mut Command, patience: Duration) -> Option<Vec<u8>> {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    let mut text = Vec::new();
    let told = child
        .stdout
        .take()
        .is_some_and(|output| read_within(output, patience, &mut text).is_ok());
    // a no-op where it has ended
    let _ = child.kill();
    let _ = child.wait();
    told.then_some(text)
}

/// Makes a file without a name, of a fixed size in bytes that nobody can change.
///
/// # Errors
///
/// As memfd_create(2).
pub fn sealed_file(size: u64) -> io::Result<File> {
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    let file = File::from(memfd_create(c"rseqctl-ledger", flags)?);
    file.set_len(size)?;
    fcntl_add_seals(&file, SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL)?;
    Ok(file)
}

/// Returns whether the file carries capabilities that executing it would grant.
#[must_use]
pub fn grants_capabilities(path: &Path) -> bool {
    // no room: asks for the size only
    let mut nothing = [0_u8; 0];
    getxattr(path, c"security.capability", &mut nothing).is_ok_and(|size| size > 0)
        && effective_ids().0 != 0
}

/// C strings, and the null-terminated list of where they are.
struct List {
    pointers: Vec<usize>,
    _strings: Vec<CString>,
}

impl List {
    fn new<'a>(texts: impl Iterator<Item = Cow<'a, [u8]>>) -> io::Result<Self> {
        let strings: Vec<_> = texts
            .map(|text| CString::new(text).map_err(io::Error::from))
            .collect::<io::Result<_>>()?;
        let pointers = strings.iter().map(|it| it.as_ptr().expose_provenance());
        Ok(Self {
            pointers: pointers.chain([0]).collect(),
            _strings: strings,
        })
    }
}

/// What the kernel is told to execute.
struct Image {
    path: CString,
    arguments: List,
    environment: List,
}

impl Image {
    fn new(
        path: &Path,
        name: &OsStr,
        arguments: &[OsString],
        environment: &BTreeMap<OsString, OsString>,
    ) -> io::Result<Self> {
        let arguments = std::iter::once(name).chain(arguments.iter().map(OsString::as_os_str));
        let variables = environment
            .iter()
            .map(|(name, value)| [name.as_bytes(), value.as_bytes()].join(&b'=').into());
        Ok(Self {
            path: CString::new(path.as_os_str().as_bytes())?,
            arguments: List::new(arguments.map(|it| it.as_bytes().into()))?,
            environment: List::new(variables)?,
        })
    }

    /// Executes it: the kernel alone decides whether it can. execvp(3), which the
    /// standard library calls, gives what the kernel does not know to /bin/sh: a
    /// program for another machine, too.
    fn execute(&self) -> io::Error {
        // SAFETY: null-terminated lists of C strings, which the lists keep.
        unsafe {
            libc::execve(
                self.path.as_ptr(),
                self.arguments.pointers.as_ptr().cast(),
                self.environment.pointers.as_ptr().cast(),
            )
        };
        io::Error::last_os_error()
    }
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

/// Replaces this process by the command; returns only when it cannot. Signal
/// mask, SIGPIPE and closed descriptors are as this process was started with. The
/// shell gets what is text, where the kernel does not know what to do with it.
pub fn exec(
    path: &Path,
    name: &OsStr,
    arguments: &[OsString],
    environment: &BTreeMap<OsString, OsString>,
    is_text: bool,
) -> io::Error {
    let mask = Mask::current();
    let image = match Image::new(path, name, arguments, environment) {
        Ok(image) => image,
        Err(error) => return error,
    };
    let mut command = command(path, name, arguments, environment);
    // SAFETY: async-signal-safe.
    unsafe {
        command.pre_exec(move || {
            mask.restore_for_command();
            descriptors::close_for_command();
            if is_text {
                Ok(())
            } else {
                Err(image.execute())
            }
        });
    }
    command.exec()
}

/// Runs the command as a child in our process group, and passes on the signals
/// that are sent to us. Before exec the child writes into `ledger` that it is for
/// this process, or for the executable of this device and inode.
///
/// # Errors
///
/// When the command could not be started.
pub fn supervise(
    path: &Path,
    name: &OsStr,
    arguments: &[OsString],
    environment: &BTreeMap<OsString, OsString>,
    is_text: bool,
    (ledger, executable): (&File, Option<(u64, u64)>),
) -> io::Result<Ending> {
    let mask = Mask::current();
    let image = Image::new(path, name, arguments, environment)?;
    Mask::block_all();
    signals::expect_children();
    let ledger = ledger.try_clone()?;
    let mut command = command(path, name, arguments, environment);
    // SAFETY: getpid, pwrite, close and what changes signals are async-signal-safe;
    // nothing allocates.
    unsafe {
        command.pre_exec(move || {
            ledger.write_all_at(&ledger::header(std::process::id(), executable), 0)?;
            mask.restore_for_command();
            descriptors::close_for_command();
            if is_text {
                Ok(())
            } else {
                Err(image.execute())
            }
        });
    }
    let child = command.spawn()?.id().cast_signed();
    loop {
        match signals::poll_child(child)? {
            Some(Change::Ended(ending)) => return Ok(ending),
            // the shell has to see that the job is stopped
            Some(Change::Stopped) => signals::stop_as_well(),
            None => {}
        }
        // SIGCHLD wakes us; the terminal's own signals reach the child as well,
        // but for the SIGCONT with which a shell resumes us alone
        if let Some(received) = signals::wait()
            && received.number != libc::SIGCHLD
            && (received.from_a_process || received.number == libc::SIGCONT)
        {
            signals::send(child, received.number);
        }
    }
}

/// Ends this process as the command ended.
pub fn die_by(signal: i32) -> ! {
    signals::die_by(signal);
    // a signal that does not kill us all the same
    std::process::exit(128 + signal)
}
