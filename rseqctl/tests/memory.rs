//! How much memory an audit takes, as the kernel counts it: below 32 MB,
//! whatever there is to be read.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, ExitCode, ExitStatus, Stdio};

use rseq_damage::packed::{archive, deb, object, stored};
use rseq_kit::needs::{Need, Tool};
use rseq_kit::runner::Suite;
use tempfile::TempDir;

/// Bytes that an audit may have in memory at a time.
const MOST: u64 = 32_000_000 + UNOPTIMISED;

/// What the code of a build without optimisation takes more, which is none that
/// a user has: 8.9 MB instead of 3.7 when there is nothing to be audited.
const UNOPTIMISED: u64 = if cfg!(debug_assertions) { 6_000_000 } else { 0 };

fn main() -> ExitCode {
    Suite::collected().run()
}

/// The most memory that this process has ever had, in bytes.
fn own_peak() -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("Linux has it");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB"));
    kib.and_then(|kib| kib.parse::<u64>().ok())
        .expect("a size in KiB")
        << 10
}

/// The most memory that an audit of `path` has, in bytes.
// wait4 tells what it took, which `wait` does not
#[expect(clippy::zombie_processes, reason = "wait4 waits for it")]
fn peak(path: &Path) -> u64 {
    // what this process has had counts as the child's, up to its exec
    assert!(own_peak() < MOST, "the test itself is too large");
    let child = Command::new(env!("CARGO_BIN_EXE_rseqctl"))
        .args(["audit", "--fail-on", "never", "--all"])
        .arg(path)
        .stdout(Stdio::null())
        .spawn()
        .expect("the command starts");
    let (mut status, mut usage) = (0, std::mem::MaybeUninit::<libc::rusage>::zeroed());
    // SAFETY: both are live, and the child is ours and is not waited for elsewhere
    let waited = unsafe { libc::wait4(child.id() as i32, &raw mut status, 0, usage.as_mut_ptr()) };
    assert_eq!(waited, child.id() as i32, "the child is there");
    let status = ExitStatus::from_raw(status);
    assert_eq!(status.code(), Some(0), "{}", path.display());
    // SAFETY: filled in by the call, and all zeros are a value
    let usage = unsafe { usage.assume_init() };
    // in KiB: getrusage(2)
    (usage.ru_maxrss as u64) << 10
}

fn assert_peak(path: &Path) {
    let peak = peak(path);
    assert!(peak < MOST, "{}: {peak} bytes", path.display());
}

#[rseq_kit::test]
fn a_folder_of_many_files_and_a_deep_one() {
    let folder = TempDir::new().expect("a temporary folder");
    let wide = folder.path().join("wide");
    fs::create_dir(&wide).expect("a folder");
    for number in 0..100_000 {
        let name = format!("one-of-a-hundred-thousand-{number}.txt");
        File::create(wide.join(name)).expect("a file");
    }
    assert_peak(&wide);
    let mut deep = folder.path().join("deep");
    // longer names no system call takes
    while deep.as_os_str().len() < 4000 {
        deep.push("folder");
    }
    fs::create_dir_all(&deep).expect("folders");
    fs::write(deep.join("a.so"), object()).expect("a file");
    assert_peak(&folder.path().join("deep"));
}

/// What a tool writes, started in `folder`.
fn by_tool(folder: &Path, tool: &str, arguments: &[&str]) -> Vec<u8> {
    let output = Command::new(tool)
        .args(arguments)
        .current_dir(folder)
        .output();
    let output = output.unwrap_or_else(|error| panic!("{tool}: {error}"));
    assert!(output.status.success(), "{tool}: {}", output.status);
    output.stdout
}

/// Packages with windows of 8 MiB that are in full use, large members, small
/// ones, and rows to keep. They are made of files, and not in memory: what this
/// process has would count as the command's.
#[rseq_kit::test(Need::new(&Tool("xz")))]
fn packages() {
    let folder = TempDir::new().expect("a temporary folder");
    let tree = folder.path().join("tree");
    fs::create_dir(&tree).expect("a folder");
    for number in 0..40 {
        sparse(&tree.join(format!("{number}.so")), 64 + number * 12_000);
    }
    sparse(&tree.join("large.so"), 12 << 20);
    by_tool(folder.path(), "tar", &["cf", "tree.tar", "tree"]);
    let xz = by_tool(folder.path(), "xz", &["-6", "-c", "tree.tar"]);
    let gzip = by_tool(folder.path(), "gzip", &["-c", "tree.tar"]);
    let mut library = b"!<arch>\n".to_vec();
    for _ in 0..1000 {
        library.extend(&archive("a.o", &object())[8..]);
    }
    for number in 0..6 {
        let write = |name: &str, bytes: &[u8]| {
            let name = format!("{number}.{name}");
            fs::write(folder.path().join(name), bytes).expect("a file");
        };
        write("deb", &deb("data.tar.xz", &xz));
        write("tar.gz", &gzip);
        write("a", &library);
        write("whl", &stored("lib.a", &library));
    }
    assert_peak(folder.path());
}

/// An object and zeros behind it, `size` bytes together.
fn sparse(path: &Path, size: u64) {
    let mut file = File::create(path).expect("a file");
    file.write_all(&object()).expect("a file");
    file.set_len(size).expect("a file");
}
