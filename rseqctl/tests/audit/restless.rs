//! Files that no fixture can be: they change while they are read, or the kernel makes
//! them up.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// How often a file that changes is audited: each time it is caught elsewhere.
const ROUNDS: u32 = 150;

/// As much as one look may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(300);

fn audit(path: &Path) -> Output {
    let started = Instant::now();
    let mut child = Command::new(env!("CARGO_BIN_EXE_rseqctl"))
        .args(["audit", "--format", "ndjson", "--all", "--fail-on", "never"])
        .arg(path)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the command starts");
    // so that a full pipe holds nobody up
    let mut pipe = child.stdout.take().expect("a pipe");
    let reader = std::thread::spawn(move || {
        let mut text = Vec::new();
        std::io::Read::read_to_end(&mut pipe, &mut text).map(|_| text)
    });
    let status = loop {
        match child.try_wait().expect("it is our child") {
            Some(status) => break status,
            None if started.elapsed() > PATIENCE => {
                child.kill().expect("it is our child");
                panic!("{} takes more than {PATIENCE:?}", path.display());
            }
            None => std::thread::sleep(Duration::from_millis(1)),
        }
    };
    let stdout = reader.join().expect("no panic").expect("a pipe");
    Output {
        status,
        stdout,
        stderr: Vec::new(),
    }
}

/// The end of a file goes and comes back, and its tables with it: a reader that maps
/// files dies of SIGBUS.
#[test]
fn a_file_that_changes_while_it_is_read() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("changes.so");
    let whole = fs::read(env!("CARGO_BIN_EXE_rseqctl")).expect("this very command");
    fs::write(&path, &whole).expect("a temporary file");
    let file = OpenOptions::new()
        .write(true)
        .open(&path)
        .expect("a temporary file");
    let done = AtomicBool::new(false);
    let (mut cut, mut intact) = (0, 0);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                file.set_len(4096).expect("a temporary file");
                file.write_all_at(&whole, 0).expect("a temporary file");
                std::thread::sleep(Duration::from_millis(20));
            }
        });
        for _ in 0..ROUNDS {
            let output = audit(&path);
            if output.status.signal().is_some() {
                done.store(true, Ordering::Relaxed);
                panic!("{}", output.status);
            }
            match output.status.code() {
                Some(0) => intact += 1,
                _ => cut += 1,
            }
        }
        done.store(true, Ordering::Relaxed);
    });
    println!("{intact} times intact, {cut} times cut");
    assert!(cut > 0, "it was never caught changing");
}

/// Nothing there has a size, some of it has no end, and some blocks.
#[test]
fn the_files_of_a_process() {
    let output = audit(Path::new("/proc/self"));
    let code = output.status.code().expect("no signal");
    assert!((0..=3).contains(&code), "{output:?}");
    // a name leads to a file, and is read as one
    let output = audit(Path::new("/proc/self/exe"));
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.starts_with(r#"{"path":"/proc/self/exe""#), "{text}");
}
