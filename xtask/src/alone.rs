//! A program in a process namespace of its own: it sees no process but those that it has
//! started, and when it ends, however it ends, the kernel ends them.
//!
//! Some tests look at every process there is, and stop its threads for a moment. Beside
//! them another target's tests may count threads, or trace them.

use std::ffi::OsStr;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// What unshare(1) is told.
const OPTIONS: [&str; 4] = ["--pid", "--mount-proc", "--fork", "--kill-child=KILL"];

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
    let mut command = Command::new("unshare");
    command.args(OPTIONS).args(FIRST);
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
}
