//! What has passed already: a test target that passed on this very tree, on this
//! machine as it is now, need not run again.
//!
//! The stamps are in the target folder, so a clean checkout runs everything. How long a
//! target took is kept outside of it: what takes longest begins first there, too.

use std::env;
use std::ffi::OsStr;
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use sha2::{Digest, Sha256};

/// What is known of a target that passed.
#[derive(Debug, PartialEq, Eq)]
pub struct Verdict {
    /// How many of its tests passed.
    pub count: u64,
    /// The names of those that were skipped.
    pub skipped: Vec<String>,
}

/// Stamps of what passed, each with the key of the tree that it passed on.
pub struct Stamps {
    root: PathBuf,
    folder: PathBuf,
    times: PathBuf,
    key: Option<String>,
}

impl Stamps {
    /// The stamps below the target folder `target`, for the tree at `root` as it is
    /// now, and the times in the folder `times`. Without git nothing is known of the tree,
    /// so nothing counts as unchanged.
    pub fn read(root: &Path, target: &Path, times: &Path) -> Self {
        Self {
            root: root.to_owned(),
            folder: target.join("passed"),
            times: times.to_owned(),
            key: key(root),
        }
    }

    /// No stamp counts: everything runs, and leaves a stamp.
    pub fn forget(&self) -> io::Result<()> {
        match fs::remove_dir_all(&self.folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Returns what became of `name` when it was last run, if that was on this tree and
    /// no test of it failed.
    pub fn passed(&self, name: &str) -> Option<Verdict> {
        let text = fs::read_to_string(self.file(name)).ok()?;
        let mut lines = text.lines();
        let (key, count) = lines.next()?.split_once(' ')?;
        if Some(key) != self.key.as_deref() {
            return None;
        }
        Some(Verdict {
            count: count.parse().ok()?,
            skipped: lines.map(str::to_owned).collect(),
        })
    }

    /// Notes that no test of `name` failed on this tree. A stamp that cannot be written
    /// is a target that runs again. So is one whose tree has been changed meanwhile: nobody
    /// knows which of the two it was built of.
    pub fn note(&self, name: &str, verdict: &Verdict) {
        if key(&self.root) != self.key {
            self.remove(name);
            return;
        }
        if let Some(key) = &self.key {
            let text = format!("{key} {}\n{}", verdict.count, verdict.skipped.join("\n"));
            let _ = fs::create_dir_all(&self.folder);
            let _ = fs::write(self.file(name), text);
        }
    }

    /// Returns the name of this very tree on this machine as it is now, where it is known.
    pub fn tree(&self) -> Option<&str> {
        self.key.as_deref()
    }

    /// Returns how long `name` took when all of it last ran, on whatever tree.
    pub fn time(&self, name: &str) -> Option<Duration> {
        let text = fs::read_to_string(self.time_file(name)).ok()?;
        text.trim().parse().ok().map(Duration::from_millis)
    }

    /// Notes how long `name` took.
    pub fn note_time(&self, name: &str, took: Duration) {
        let file = self.time_file(name);
        let _ = file.parent().map(fs::create_dir_all);
        let _ = fs::write(file, format!("{}\n", took.as_millis()));
    }

    /// Forgets that `name` passed.
    pub fn remove(&self, name: &str) {
        let _ = fs::remove_file(self.file(name));
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.join(file_name(name))
    }

    /// Times outlive [`Self::forget`]: they say nothing about a tree.
    fn time_file(&self, name: &str) -> PathBuf {
        self.times.join(file_name(name))
    }
}

fn file_name(name: &str) -> String {
    name.replace(['/', ':'], "-")
}

/// The content of every file of the tree that git does not ignore, and what of the
/// machine a test can depend on: kernel, compilers, installed packages, settings.
///
/// None where that is not known.
fn key(root: &Path) -> Option<String> {
    let mut settings: Vec<_> = env::vars_os().filter(|(name, _)| matters(name)).collect();
    if settings.iter().any(|(name, _)| names_files(name)) {
        return None;
    }
    let mut hash = Sha256::new();
    let listed = printed(Command::new("git").current_dir(root).args([
        "ls-files",
        "-z",
        "--cached",
        "--others",
        "--exclude-standard",
    ]))?;
    for name in listed
        .split(|byte| *byte == 0)
        .filter(|name| !name.is_empty())
    {
        let path = root.join(OsStr::from_bytes(name));
        part(&mut hash, name);
        match fs::symlink_metadata(&path) {
            Ok(kind) if kind.is_symlink() => {
                part(&mut hash, fs::read_link(&path).ok()?.as_os_str().as_bytes());
            }
            Ok(_) => part(&mut hash, &fs::read(&path).ok()?),
            // listed and deleted
            Err(_) => part(&mut hash, b"absent"),
        }
    }
    part(&mut hash, &printed(Command::new("uname").arg("-rvm"))?);
    part(&mut hash, &printed(Command::new("rustc").arg("-vV"))?);
    // other distributions have other files; the packages are then not known
    part(&mut hash, &fs::read("/var/lib/dpkg/status").ok()?);
    part(&mut hash, &printed(&mut Command::new("id"))?);
    settings.sort();
    for (name, value) in settings {
        part(&mut hash, name.as_bytes());
        part(&mut hash, value.as_bytes());
    }
    let mut text = String::new();
    for byte in hash.finalize() {
        let _ = write!(text, "{byte:02x}");
    }
    Some(text)
}

/// Whether a variable of the environment can change what a test finds.
fn matters(name: &OsStr) -> bool {
    let name = name.as_bytes();
    [
        "RSEQ",
        "RUST",
        "LD_",
        "GLIBC_",
        "LC_",
        "LANG",
        "CARGO_BUILD_",
    ]
    .iter()
    .any(|beginning| name.starts_with(beginning.as_bytes()))
        || ["PATH", "HOME", "TMPDIR", "CC"]
            .iter()
            .any(|other| name == other.as_bytes())
}

/// Whether a variable names files that are tested in place of those of this tree. What is in
/// them is not looked at here.
fn names_files(name: &OsStr) -> bool {
    let name = name.as_bytes();
    name.starts_with(b"RSEQ_") && (name.ends_with(b"_ARTIFACTS") || name == b"RSEQ_TARBALL")
}

/// One part of a key, with its length, so that parts do not run into each other.
fn part(hash: &mut Sha256, bytes: &[u8]) {
    hash.update(bytes.len().to_le_bytes());
    hash.update(bytes);
}

fn printed(command: &mut Command) -> Option<Vec<u8>> {
    let output = command.output().ok()?;
    output.status.success().then_some(output.stdout)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;
    use std::process::Command;

    use super::{Stamps, Verdict, names_files};

    fn verdict(count: u64, skipped: &[&str]) -> Verdict {
        Verdict {
            count,
            skipped: skipped.iter().map(|&name| name.to_owned()).collect(),
        }
    }

    fn tree() -> tempfile::TempDir {
        let tree = tempfile::tempdir().unwrap();
        let made = Command::new("git")
            .args(["init", "--quiet"])
            .current_dir(tree.path())
            .status()
            .unwrap();
        assert!(made.success());
        fs::write(tree.path().join(".gitignore"), "target\n").unwrap();
        fs::write(tree.path().join("a"), "1").unwrap();
        tree
    }

    fn stamps(root: &Path) -> Stamps {
        let target = root.join("target");
        Stamps::read(root, &target, &target.join("times"))
    }

    #[test]
    fn what_passed_counts_until_any_file_changes() {
        let tree = tree();
        let first = stamps(tree.path());
        if first.key.is_none() {
            // a distribution whose packages are not known: everything runs, always
            assert_eq!(first.passed("suite"), None);
            return;
        }
        assert_eq!(first.passed("suite"), None);
        let seven = verdict(7, &["a::one", "two"]);
        first.note("suite", &seven);
        let passed = || stamps(tree.path()).passed("suite");
        assert_eq!(passed().as_ref(), Some(&seven));
        assert_eq!(stamps(tree.path()).passed("other"), None);

        fs::write(tree.path().join("new"), "").unwrap();
        assert_eq!(passed(), None);
        fs::remove_file(tree.path().join("new")).unwrap();
        assert_eq!(passed(), Some(seven));

        fs::write(tree.path().join("a"), "2").unwrap();
        assert_eq!(passed(), None);
    }

    #[test]
    fn what_was_changed_meanwhile_leaves_no_stamp() {
        let tree = tree();
        let first = stamps(tree.path());
        fs::write(tree.path().join("a"), "2").unwrap();
        first.note("suite", &verdict(1, &[]));
        assert_eq!(stamps(tree.path()).passed("suite"), None);
        fs::write(tree.path().join("a"), "1").unwrap();
        assert_eq!(stamps(tree.path()).passed("suite"), None);
    }

    #[test]
    fn files_from_elsewhere_are_told() {
        for name in ["RSEQ_ARTIFACTS", "RSEQ_AARCH64_ARTIFACTS", "RSEQ_TARBALL"] {
            assert!(names_files(name.as_ref()), "{name}");
        }
        for name in ["RSEQ_CACHE", "PATH"] {
            assert!(!names_files(name.as_ref()), "{name}");
        }
    }

    #[test]
    fn a_failure_and_a_fresh_run_leave_no_stamp() {
        let tree = tree();
        let stamps = stamps(tree.path());
        stamps.note("a", &verdict(1, &[]));
        stamps.note("b", &verdict(1, &[]));
        let second = std::time::Duration::from_secs(1);
        stamps.note_time("a", second);
        stamps.remove("a");
        assert_eq!(stamps.passed("a"), None);
        stamps.forget().unwrap();
        assert_eq!(stamps.passed("b"), None);
        assert_eq!((stamps.time("a"), stamps.time("b")), (Some(second), None));
        stamps.forget().unwrap();
    }
}
