//! A lab in a process namespace of its own: when it ends, however it ends, the kernel
//! ends everything that it has started.
//!
//! A child may change its user, and then no longer dies with its parent, or leave its
//! process group and be nobody's child any more. It cannot leave its namespace.

use std::env;
use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::process::{Command, ExitCode};

use rseq_kit::child::Program;
use rseq_kit::sys;

/// Set in the namespace.
const INSIDE: &str = "RSEQ_LAB_INSIDE";

/// What unshare(1) is told: its child is the first process there, dies with it, and
/// sees the processes of the namespace in /proc. Queues that are named after a process id
/// are apart, too.
const OPTIONS: [&str; 6] = [
    "--pid",
    "--ipc",
    "--mount-proc",
    "--fork",
    "--kill-child=KILL",
    "--propagation=private",
];

/// The first process of a namespace has to wait for every orphan.
const FIRST: [&str; 4] = ["sh", "-c", "\"$@\"; exit $?", "sh"];

/// Runs `lab`, which answers with the exit status, in a namespace of its own. Where the
/// machine does not allow one, runs it here and says so.
#[must_use]
pub fn run(lab: impl FnOnce() -> u8) -> ExitCode {
    if env::var_os(INSIDE).is_some() {
        return ExitCode::from(lab());
    }
    match inside() {
        Ok(status) => ExitCode::from(status),
        Err(reason) => {
            eprintln!(
                "no process namespace ({reason}): if this lab is killed, look for programs \
                 that it has left"
            );
            ExitCode::from(lab())
        }
    }
}

/// Starts this program once more, in a namespace, and answers with its exit status.
fn inside() -> Result<u8, String> {
    Program::new("unshare")
        .args(OPTIONS)
        .args(FIRST)
        .arg("true")
        .directory(Path::new("/"))
        .run()?
        .expect(0)
        .map_err(|error| error.lines().last().unwrap_or_default().to_owned())?;
    let program = env::current_exe().map_err(|error| error.to_string())?;
    let arguments: Vec<OsString> = env::args_os().skip(1).collect();
    let mut command = Command::new("unshare");
    command.args(OPTIONS).args(FIRST);
    command.arg(program).args(arguments);
    command.env(INSIDE, OsStr::new("1"));
    // this thread is the first one, and waits
    sys::before_exec::die_with_parent(&mut command, None);
    let status = command.status().map_err(|error| error.to_string())?;
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(code.unwrap_or(2))
}
