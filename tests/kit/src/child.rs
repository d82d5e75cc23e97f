//! Programs under test: a clean environment, bounded time, captured output.
//!
//! No child outlives its test: it dies with the thread that started it, its
//! process group is killed when its handle is dropped, and every wait ends.

use std::ffi::OsStr;
use std::fs::File;
use std::io::ErrorKind;
use std::os::unix::fs::FileExt as _;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use crate::patience::stretched;
use crate::sys;
use crate::sys::seccomp::{Action, Filter};

/// How long a program may run when its test says nothing else.
pub const LIMIT: Duration = Duration::from_secs(30);

/// A program to start.
#[derive(Debug)]
pub struct Program {
    pub(crate) command: Command,
    pub(crate) limit: Duration,
    denial: Option<Action>,
}

impl Program {
    /// Makes a program with an environment of its own: nothing of the caller's but the
    /// search path, so that neither cargo nor the user changes a result.
    #[must_use]
    pub fn new(path: impl AsRef<OsStr>) -> Self {
        let mut program = Self::with_callers_environment(path);
        program.command.env_clear().env("LC_ALL", "C");
        for name in ["PATH", "HOME", "TMPDIR"] {
            if let Some(value) = std::env::var_os(name) {
                program.command.env(name, value);
            }
        }
        program
    }

    /// Makes a tool that needs the user's settings (cargo, npm).
    #[must_use]
    pub fn with_callers_environment(path: impl AsRef<OsStr>) -> Self {
        let mut command = Command::new(path);
        command.stdin(Stdio::null());
        Self {
            command,
            limit: LIMIT,
            denial: None,
        }
    }

    /// Adds an argument.
    #[must_use]
    pub fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.command.arg(argument);
        self
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<S: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = S>) -> Self {
        self.command.args(arguments);
        self
    }

    /// Sets an environment variable.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Sets the working directory.
    #[must_use]
    pub fn directory(mut self, path: &Path) -> Self {
        self.command.current_dir(path);
        self
    }

    /// Gives the program a standard input.
    #[must_use]
    pub fn input(mut self, input: Stdio) -> Self {
        self.command.stdin(input);
        self
    }

    /// Sets how long it may run on a machine that does nothing else.
    #[must_use]
    pub fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Makes the kernel answer every `sys_rseq` with this `errno`.
    #[must_use]
    pub fn deny(mut self, errno: i32) -> Self {
        self.denial = Some(Action::Errno(errno));
        self
    }

    /// Makes the kernel kill a process that calls `sys_rseq`.
    #[must_use]
    pub fn forbid(mut self) -> Self {
        self.denial = Some(Action::Kill);
        self
    }

    /// Runs it to its end.
    ///
    /// # Errors
    ///
    /// It cannot be started, or takes too long.
    pub fn run(self) -> Result<Finished, String> {
        self.start()?.finish()
    }

    /// Starts it.
    ///
    /// # Errors
    ///
    /// It cannot be started.
    pub fn start(mut self) -> Result<Running, String> {
        let filter = self
            .denial
            .map(|action| sys::native().map(|arch| Filter::new(arch, action)))
            .transpose()?;
        let output = Captured::of(&mut self.command)?;
        self.command.process_group(0);
        sys::before_exec::die_with_parent(&mut self.command, filter);
        let child =
            spawn(&mut self.command).map_err(|error| format!("{}: {error}", self.name()))?;
        Ok(Running {
            name: self.name(),
            child,
            output,
            end: Instant::now() + stretched(self.limit),
        })
    }

    pub(crate) fn name(&self) -> String {
        self.command.get_program().to_string_lossy().into_owned()
    }
}

/// Starts a program. One that has just been written is busy for as long as some
/// other child, started in that moment, has not reached its exec yet.
fn spawn(command: &mut Command) -> std::io::Result<Child> {
    let end = Instant::now() + stretched(LIMIT);
    loop {
        match command.spawn() {
            Err(error) if error.kind() == ErrorKind::ExecutableFileBusy && Instant::now() < end => {
                std::thread::sleep(Duration::from_millis(5));
            }
            done => return done,
        }
    }
}

/// Where a child's output goes: files without a name, so that no pipe fills up.
#[derive(Debug)]
pub(crate) struct Captured {
    out: File,
    err: File,
}

impl Captured {
    pub(crate) fn of(command: &mut Command) -> Result<Self, String> {
        let file = || tempfile::tempfile().map_err(|error| format!("no temporary file: {error}"));
        let end = |file: &File| {
            file.try_clone()
                .map(Stdio::from)
                .map_err(|error| format!("no descriptor: {error}"))
        };
        let captured = Self {
            out: file()?,
            err: file()?,
        };
        command.stdout(end(&captured.out)?);
        command.stderr(end(&captured.err)?);
        Ok(captured)
    }

    /// Returns standard output and standard error so far.
    pub(crate) fn texts(&self) -> (String, String) {
        (text(&self.out), text(&self.err))
    }

    /// Looks at standard output again and again until `found` finds something.
    pub(crate) fn wait_for<T>(
        &self,
        found: impl Fn(&str) -> Option<T>,
        mut hopeless: impl FnMut() -> bool,
    ) -> Result<T, String> {
        loop {
            let last = hopeless();
            let out = text(&self.out);
            if let Some(value) = found(&out) {
                return Ok(value);
            }
            if last {
                let err = text(&self.err);
                return Err(format!("waited for output, got {out:?} and {err:?}"));
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

/// Returns the text of a file. Its position is the child's as well: leave it alone.
fn text(file: &File) -> String {
    let mut bytes = Vec::new();
    let mut block = [0; 16 * 1024];
    while let Ok(count @ 1..) = file.read_at(&mut block, bytes.len() as u64) {
        bytes.extend_from_slice(&block[..count]);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// A program that runs.
#[derive(Debug)]
pub struct Running {
    name: String,
    child: Child,
    output: Captured,
    end: Instant,
}

impl Running {
    /// Returns its process id.
    #[must_use]
    pub fn id(&self) -> i32 {
        self.child.id() as i32
    }

    /// Returns its standard input, where [`Program::input`] made it a pipe.
    pub fn take_input(&mut self) -> Option<std::process::ChildStdin> {
        self.child.stdin.take()
    }

    /// Waits until its standard output holds whatever `found` looks for.
    ///
    /// # Errors
    ///
    /// It ends or runs out of time before.
    pub fn wait_for_output<T>(&mut self, found: impl Fn(&str) -> Option<T>) -> Result<T, String> {
        let Self {
            name,
            child,
            output,
            end,
        } = self;
        output
            .wait_for(found, || {
                Instant::now() > *end || !matches!(child.try_wait(), Ok(None))
            })
            .map_err(|error| format!("{name}: {error}"))
    }

    /// Returns its standard output and standard error so far.
    #[must_use]
    pub fn output(&self) -> (String, String) {
        self.output.texts()
    }

    /// Asks it to end.
    pub fn terminate(&self) {
        sys::kill(self.id(), libc::SIGTERM);
    }

    /// Waits for its end.
    ///
    /// # Errors
    ///
    /// It takes too long: then it is killed.
    pub fn finish(mut self) -> Result<Finished, String> {
        loop {
            let late = Instant::now() > self.end;
            let ended = self.child.try_wait();
            let (out, err) = match ended {
                Ok(None) if !late => {
                    std::thread::sleep(Duration::from_millis(2));
                    continue;
                }
                _ => self.output.texts(),
            };
            return match ended {
                Ok(Some(status)) => Ok(Finished { status, out, err }),
                Ok(None) => Err(format!(
                    "{}: killed, took too long; output: {out:?} and {err:?}",
                    self.name
                )),
                Err(error) => Err(format!("{}: {error}", self.name)),
            };
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        sys::kill(-self.id(), libc::SIGKILL);
        // an error means that it has been waited for already
        let _ = self.child.wait();
    }
}

/// How a program ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finished {
    /// Exit status or signal.
    pub status: ExitStatus,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl Finished {
    /// Returns its exit status, or minus the signal that killed it.
    #[must_use]
    pub fn code(&self) -> i32 {
        self.status
            .code()
            .or_else(|| self.status.signal().map(|signal| -signal))
            .unwrap_or(i32::MIN)
    }

    /// Returns itself, where it exited with `code`.
    ///
    /// # Errors
    ///
    /// It ended otherwise.
    pub fn expect(self, code: i32) -> Result<Self, String> {
        self.expect_ref(code)?;
        Ok(self)
    }

    /// Does what [`Self::expect`] does, by reference.
    ///
    /// # Errors
    ///
    /// It ended otherwise.
    pub fn expect_ref(&self, code: i32) -> Result<&Self, String> {
        if self.code() == code {
            Ok(self)
        } else {
            Err(format!(
                "expected exit status {code}, got {}\n--- stdout\n{}\n--- stderr\n{}",
                self.status, self.out, self.err
            ))
        }
    }
}
