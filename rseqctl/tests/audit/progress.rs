//! How far an audit is: told on a terminal, taken away again, and told nobody
//! else. The terminal is a real one (pty(7)).

use std::fs::{self, File};
use std::io::Read;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use rustix::pty::{OpenptFlags, ioctl_tiocgptpeer, openpt, unlockpt};
use tempfile::TempDir;

/// An audit says nothing in its first second.
const QUIET: Duration = Duration::from_millis(1200);

/// Reads to the end; that of a terminal is an error (EIO).
fn rest_of(mut file: impl Read) -> String {
    let (mut text, mut piece) = (Vec::new(), [0; 4096]);
    while let Ok(count @ 1..) = file.read(&mut piece) {
        text.extend_from_slice(&piece[..count]);
    }
    String::from_utf8(text).expect("UTF-8")
}

/// What standard error gets of an audit that takes longer than a second,
/// because the reader of its report is slow: a pipe holds a part of it only.
fn told(terminal: bool, term: &str) -> String {
    let folder = TempDir::new().expect("a temporary folder");
    let object = fs::read(env!("CARGO_BIN_EXE_rseqctl")).expect("it is built");
    // an ELF header that has no tables: a row each, and nothing to complain of
    let mut header = object[..64].to_vec();
    for at in [32, 40, 56, 60, 62] {
        let end = if at < 48 { at + 8 } else { at + 2 };
        header[at..end].fill(0);
    }
    for number in 0..1500 {
        let name = format!("{number:0200}");
        fs::write(folder.path().join(name), &header).expect("a temporary file");
    }

    let controller = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
    unlockpt(&controller).expect("it is ours");
    let mut command = Command::new(env!("CARGO_BIN_EXE_rseqctl"));
    command
        .args(["audit", "--all", "--format", "ndjson"])
        .arg(folder.path())
        .env("TERM", term)
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    if terminal {
        let peer = ioctl_tiocgptpeer(&controller, OpenptFlags::RDWR | OpenptFlags::NOCTTY);
        command.stderr(peer.expect("the other end"));
    } else {
        command.stderr(Stdio::piped());
    }
    let mut child = command.spawn().expect("the command starts");
    // the other end stays open in it
    drop(command);
    let mut stdout = child.stdout.take().expect("a pipe");
    let stderr = child.stderr.take();
    let reader = thread::spawn(move || match stderr {
        Some(pipe) => rest_of(pipe),
        None => rest_of(File::from(controller)),
    });
    stdout.read_exact(&mut [0]).expect("a report");
    thread::sleep(QUIET);
    let report = rest_of(stdout);
    assert_eq!(report.lines().count(), 1500);
    assert_eq!(child.wait().expect("it ends").code(), Some(0));
    reader.join().expect("it does not panic")
}

#[test]
fn a_terminal_is_told_and_left_clean() {
    let text = told(true, "xterm");
    // every line is written over the one before, and the last is taken away
    let lines: Vec<_> = text.split('\r').collect();
    assert_eq!(lines.first(), Some(&""), "{text:?}");
    assert_eq!(lines.last(), Some(&"\x1b[K"), "{text:?}");
    let mut shown = 0;
    for line in &lines[1..] {
        assert!(line.ends_with("\x1b[K"), "{text:?}");
        if *line != "\x1b[K" {
            let is_told = line.contains(" files, ") && line.contains(" objects, ");
            assert!(is_told, "{text:?}");
            shown += 1;
        }
    }
    assert!(shown > 0, "{text:?}");
    assert!(!text.contains('\n'), "{text:?}");
}

#[test]
fn a_terminal_without_a_cursor_is_told_nothing() {
    assert_eq!(told(true, "dumb"), "");
}

#[test]
fn what_is_no_terminal_is_told_nothing() {
    assert_eq!(told(false, "xterm"), "");
}
