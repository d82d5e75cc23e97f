//! A program in a process namespace of its own: it sees no process but those that it has
//! started, and when it ends, however it ends, the kernel ends them. It ends with the thread
//! that has started it.
//!
//! Some tests look at every process there is, and stop its threads for a moment. Beside
//! them another target's tests may count threads, or trace them. And where process ids are
//! not unique, queues that are named after them have to be apart, too.

use std::ffi::OsStr;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// What starts it: setpriv(1), and what unshare(1) is told.
const STARTED_BY: [&str; 9] = [
    "setpriv",
    "--pdeathsig",
    "KILL",
    "unshare",
    "--pid",
    "--ipc",
    "--mount-proc",
    "--fork",
    "--kill-child=KILL",
];

/// The first process of a namespace has to wait for every orphan.
const FIRST: [&str; 4] = ["sh", "-c", "\"$@\"; exit $?", "sh"];

/// Returns the command that runs `program` in a namespace of its own; where this machine or
/// user may not have one, as it is.
pub fn command(program: impl AsRef<OsStr>) -> Command {
    static CAN: OnceLock<bool> = OnceLock::new();
    if *CAN.get_or_init(can) {
        let mut command = in_namespace();
        command.arg(program);
        command
    } else {
        Command::new(program)
    }
}

fn in_namespace() -> Command {
    let [program, words @ ..] = STARTED_BY;
    let mut command = Command::new(program);
    command.args(words).args(FIRST);
    command
}

/// Whether the first process there is process 1, and sees itself.
fn can() -> bool {
    let tried = in_namespace()
        .args(["sh", "-c", "test -e /proc/1/exe"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    tried.is_ok_and(|status| status.success())
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::os::unix::process::ExitStatusExt;
    use std::process::Stdio;

    use super::{can, command};

    #[test]
    fn only_its_own_processes_are_seen() {
        let listed = command("sh")
            .args(["-c", "ls -d /proc/[0-9]* | wc -l; exit 7"])
            .output()
            .unwrap();
        assert_eq!(listed.status.code(), Some(7));
        let count: u32 = String::from_utf8_lossy(&listed.stdout)
            .trim()
            .parse()
            .unwrap();
        // two shells, `ls` and `wc`
        assert!(!can() || count <= 4, "{count}");
    }

    #[test]
    fn it_ends_with_its_thread() {
        if !can() {
            assert_eq!(command("sh").get_program(), "sh");
            return;
        }
        let started = std::thread::spawn(|| {
            let mut command = command("sh");
            command.args(["-c", "echo started; exec sleep 600"]);
            let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
            // before setpriv(1) has been at work, nothing ends it
            let mut out = child.stdout.take().unwrap();
            out.read_exact(&mut [0; 8]).unwrap();
            child
        });
        let status = started.join().unwrap().wait().unwrap();
        assert_eq!(status.signal(), Some(9));
    }
}
