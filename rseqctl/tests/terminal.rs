//! What people see on a terminal: lines that fit, colours, and a screen that is
//! looked at again and again. The terminal is a real one (pty(7)).

use std::fs::File;
use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::pty::{OpenptFlags, ioctl_tiocgptpeer, openpt, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

const COLUMNS: u16 = 60;

/// A command on a terminal of its own.
struct OnTerminal {
    child: Child,
    terminal: File,
    /// What it has written so far, and who reads that.
    written: Arc<Mutex<Vec<u8>>>,
    reader: JoinHandle<()>,
}

/// How long it may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(300);

impl OnTerminal {
    /// Starts `rseqctl` on a terminal of 60 columns and 12 rows, which it controls.
    fn start(arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        Self::start_on(COLUMNS, arguments, environment)
    }

    /// The same, of so many columns.
    fn start_on(columns: u16, arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let controller = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
        unlockpt(&controller).expect("it is ours");
        let size = Winsize {
            ws_row: 12,
            ws_col: columns,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        tcsetwinsize(&controller, size).expect("a size");
        let peer = || {
            let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY;
            ioctl_tiocgptpeer(&controller, flags).expect("the other end")
        };
        let mut command = Command::new("setsid");
        command
            .args(["--ctty", "--wait", env!("CARGO_BIN_EXE_rseqctl")])
            .args(arguments)
            .env("TERM", "xterm-256color")
            .env_remove("NO_COLOR")
            .env_remove("COLORTERM")
            // where it is set, a dumb terminal is taken to show colours
            .env_remove("CI")
            .envs(environment.iter().copied())
            .stdin(peer())
            .stdout(peer())
            .stderr(peer());
        let child = command.spawn().expect("the command starts");
        let terminal = File::from(controller);
        let mut read = terminal.try_clone().expect("a descriptor");
        let written = Arc::new(Mutex::new(Vec::new()));
        let so_far = Arc::clone(&written);
        let reader = thread::spawn(move || {
            let mut piece = [0; 4096];
            // the end of a terminal is an error (EIO)
            while let Ok(count @ 1..) = read.read(&mut piece) {
                so_far.lock().unwrap().extend_from_slice(&piece[..count]);
            }
        });
        Self {
            child,
            terminal,
            written,
            reader,
        }
    }

    /// What it has written so far.
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.written.lock().unwrap()).into_owned()
    }

    /// Waits until it has written `what`, colours aside.
    fn wait_for(&self, what: &str) {
        let begin = Instant::now();
        while !plain(&self.text()).contains(what) {
            let text = self.text();
            assert!(begin.elapsed() < PATIENCE, "no {what:?} in {text}");
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// Waits for the end; returns all that it has written, and its exit status.
    fn finish(mut self) -> (String, Option<i32>) {
        let begin = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("a child") {
                break status;
            }
            if begin.elapsed() > PATIENCE {
                let _ = self.child.kill();
                panic!("it does not end: {}", self.text());
            }
            thread::sleep(Duration::from_millis(20));
        };
        self.reader.join().expect("it reads to the end");
        let text = self.written.lock().unwrap();
        (String::from_utf8_lossy(&text).into_owned(), status.code())
    }
}

fn shown(arguments: &[&str], environment: &[(&str, &str)]) -> String {
    OnTerminal::start(arguments, environment).finish().0
}

fn piped(arguments: &[&str]) -> (String, String, Option<i32>) {
    let output = Command::new(env!("CARGO_BIN_EXE_rseqctl"))
        .args(arguments)
        .env_remove("NO_COLOR")
        .stdin(Stdio::null())
        .output()
        .expect("the command starts");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    (
        text(output.stdout),
        text(output.stderr),
        output.status.code(),
    )
}

/// A process with a long command line; ends with this value.
struct Sleeper(Child);

impl Sleeper {
    fn start() -> Self {
        let long = format!("exec -a {} sleep 300", "x".repeat(120));
        let child = Command::new("bash").args(["-c", &long]).spawn();
        let sleeper = Self(child.expect("bash starts"));
        let begin = Instant::now();
        let comm = format!("/proc/{}/comm", sleeper.0.id());
        while std::fs::read_to_string(&comm).unwrap_or_default() != "sleep\n" {
            assert!(begin.elapsed() < PATIENCE, "bash does not exec");
            thread::sleep(Duration::from_millis(5));
        }
        sleeper
    }

    fn id(&self) -> String {
        self.0.id().to_string()
    }
}

impl Drop for Sleeper {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Returns the text without what moves the cursor or sets colours.
fn plain(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("\x1b[") {
        plain.push_str(before);
        let end = after.find(|letter: char| letter.is_ascii_alphabetic());
        rest = end.map_or("", |end| &after[end + 1..]);
    }
    plain.push_str(rest);
    plain.replace('\r', "")
}

#[test]
fn a_table_fits_the_terminal_and_is_whole_elsewhere() {
    let sleeper = Sleeper::start();
    let id = sleeper.id();
    let arguments = ["ps", "--no-stop", "-o", "pid,program", &id];
    let text = plain(&shown(&arguments, &[]));
    let lines: Vec<_> = text.lines().collect();
    assert!(
        lines
            .iter()
            .all(|line| line.chars().count() <= COLUMNS.into()),
        "{text}"
    );
    assert!(text.contains('…') && text.contains("xxx"), "{text}");

    let full = plain(&shown(&[&arguments[..], &["--full"]].concat(), &[]));
    assert!(full.replace('\n', "").contains(&"x".repeat(120)), "{full}");
    let (text, _, _) = piped(&arguments);
    assert!(
        text.contains(&"x".repeat(120)) && !text.contains('…'),
        "{text}"
    );
}

#[test]
fn colours_are_for_terminals_unless_asked_for() {
    let coloured = |text: &str| text.contains("\x1b[1m") || text.contains("\x1b[1;");
    let explained = ["explain", "hidden-definer"];
    assert!(coloured(&shown(&explained, &[])));
    assert!(!shown(&explained, &[("NO_COLOR", "1")]).contains('\x1b'));
    assert!(!shown(&["--color", "never", "explain", "hidden-definer"], &[]).contains('\x1b'));
    assert!(!shown(&explained, &[("TERM", "dumb")]).contains('\x1b'));
    assert!(!piped(&explained).0.contains('\x1b'));
    let always = ["explain", "hidden-definer", "--color", "always"];
    assert!(coloured(&piped(&always).0));
    // and never in what machines read
    let machine = [
        "explain",
        "hidden-definer",
        "--color=always",
        "--format=json",
    ];
    assert!(!piped(&machine).0.contains('\x1b'));
}

#[test]
fn long_messages_are_wrapped_on_terminals_only() {
    let long = ["explain", "no-such-word-at-all-but-a-long-one"];
    let text = plain(&shown(&long, &[]));
    assert!(text.lines().count() > 1, "{text}");
    assert!(
        text.lines().all(|line| line.len() <= COLUMNS.into()),
        "{text}"
    );
    let (_, text, status) = piped(&long);
    assert_eq!((text.lines().count(), status), (1, Some(2)), "{text}");
}

/// Returns the lines that are too wide and could have been broken: a word that is longer
/// than what is left behind its indentation stays whole.
fn too_wide(text: &str, columns: u16) -> Vec<&str> {
    let columns = usize::from(columns);
    let is_broken = |line: &&str| {
        let letters: Vec<_> = line.chars().collect();
        let word = letters.iter().rposition(|letter| *letter == ' ');
        let rest = letters.len() - word.map_or(0, |space| space + 1);
        // half a line is left behind every indentation
        letters.len() > columns && rest <= columns / 2
    };
    text.lines().filter(is_broken).collect()
}

#[test]
fn everything_fits() {
    let sleeper = Sleeper::start();
    let id = sleeper.id();
    let commands: [&[&str]; 22] = [
        &["doctor", "--fail-on", "never"],
        &["doctor", "--verbose", "--fail-on", "never"],
        &["explain"],
        &["explain", "refused-client"],
        &["audit", "--all", "/bin/ls"],
        &["audit", "--program", "ls"],
        &["audit", "/nonexistent", "/etc/passwd"],
        &["run", "--dry-run", "--", "ls", "-l"],
        &["run", "--dry-run", "--", "no-such-command"],
        &["demo"],
        &["status"],
        &["ps", &id],
        &["ps", "--verbose", &id],
        &["ps", "--all", "--no-stop"],
        &["ps", "--problems"],
        &["ps", "no-such-program"],
        &["ps"],
        &["ps", "--rule", "no-such-rule"],
        &["--help"],
        &["ps", "--help"],
        &["run", "--help"],
        &["audit", "--help"],
    ];
    for columns in [80, 120] {
        for command in commands {
            let (text, _) = OnTerminal::start_on(columns, command, &[]).finish();
            let text = plain(&text);
            let wide = too_wide(&text, columns);
            assert!(wide.is_empty(), "{command:?}, {columns}: {wide:#?}");
        }
    }
}

#[test]
fn the_parser_has_the_same_colours() {
    let coloured = |text: &str| text.contains('\x1b');
    for words in [
        &["--help"][..],
        &["ps", "--help"],
        &["ps"],
        &["ps", "--rule", "x"],
    ] {
        assert!(coloured(&shown(words, &[])), "{words:?}");
        assert!(!coloured(&shown(words, &[("NO_COLOR", "1")])), "{words:?}");
        let never = [&["--color", "never"], words].concat();
        assert!(!coloured(&shown(&never, &[])), "{words:?}");
        let never = [&["--color=never"], words].concat();
        assert!(!coloured(&shown(&never, &[])), "{words:?}");
    }
}

#[test]
fn levels_are_coloured() {
    let text = shown(&["doctor", "--fail-on", "never"], &[]);
    let place = text.find("note").or_else(|| text.find("warning"));
    let place = place.or_else(|| text.find("error"));
    assert!(
        place.is_some_and(|place| text[..place].ends_with('m')),
        "{text}"
    );
}

#[test]
fn errors_move_no_cursor() {
    let evil = "\x1b]0;title\x07\x1b[2Jx";
    let all: [&[&str]; 5] = [
        &["audit", evil],
        &["explain", evil],
        &["ps", evil],
        &["ps", "--rule", evil],
        &["run", "--", evil],
    ];
    for command in all {
        let text = shown(command, &[("NO_COLOR", "1")]);
        assert!(!text.contains(['\x1b', '\x07']), "{command:?}: {text:?}");
        assert!(text.contains("title"), "{command:?}: {text:?}");
    }
}

#[test]
fn messages_of_the_system_have_no_numbers() {
    let (_, text, _) = piped(&["audit", "/etc/passwd/x"]);
    assert!(
        text.contains("Not a directory") && !text.contains("os error"),
        "{text}"
    );
}

#[test]
fn who_names_no_process_gets_no_list() {
    let (out, err, status) = piped(&["ps"]);
    assert_eq!((out.as_str(), status), ("", Some(2)));
    assert!(
        err.contains("no process is named") && err.contains("rseqctl ps"),
        "{err}"
    );
    let (out, err, status) = piped(&["ps", ""]);
    assert_eq!((out.as_str(), status), ("", Some(2)));
    assert!(err.contains("an empty name"), "{err}");
}

#[test]
fn processes_are_found_by_name_and_user() {
    let sleeper = Sleeper::start();
    let id = sleeper.id();
    let name = "x".repeat(120);
    for named in ["sleep", &name] {
        let (out, err, status) = piped(&["ps", "--no-stop", "--no-headers", "-o", "pid", named]);
        assert!(
            out.lines().any(|line| line.trim() == id),
            "{named}: {out}{err}"
        );
        assert_eq!(status, Some(0), "{err}");
    }
    let user = rustix::process::geteuid().as_raw().to_string();
    let same = [
        "ps",
        "--no-stop",
        "--no-headers",
        "-o",
        "pid",
        "sleep",
        "--user",
        &user,
    ];
    let (out, _, _) = piped(&same);
    assert!(out.lines().any(|line| line.trim() == id), "{out}");

    let (_, err, status) = piped(&["ps", "no-such-program"]);
    assert!(err.contains("no-such-program: no process"), "{err}");
    assert_eq!(status, Some(2));
    let (_, err, status) = piped(&["ps", "--unit", "no-such-unit"]);
    assert!(err.contains("no process is of this unit"), "{err}");
    assert_eq!(status, Some(2));
}

#[test]
fn a_watch_ends_with_its_last_process() {
    let mut sleeper = Sleeper::start();
    let id = sleeper.id();
    let watching = OnTerminal::start(&["ps", "--no-stop", "--watch=0.1", &id], &[]);
    watching.wait_for("xxx");
    let _ = sleeper.0.kill();
    let _ = sleeper.0.wait();
    let (text, status) = watching.finish();
    let text = plain(&text);
    assert!(text.contains("every 100ms; q quits"), "{text}");
    assert!(text.contains("no such process"), "{text}");
    // that of the last look at it
    assert_eq!(status, Some(0), "{text}");
}

#[test]
fn a_watch_ends_with_a_key_and_says_what_it_cuts() {
    let _more_than_fit = [(); 12].map(|()| Sleeper::start());
    let mut watching = OnTerminal::start(&["ps", "--no-stop", "--watch=60", "--all", "-v"], &[]);
    watching.wait_for("q quits");
    let keys = watching.terminal.write(b"q");
    assert!(keys.is_ok());
    let (text, _) = watching.finish();
    let text = plain(&text);
    assert!(text.contains("every 1m; q quits"), "{text}");
    assert!(text.contains("more lines; --problems shows less"), "{text}");
}
