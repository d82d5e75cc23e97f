//! What has passed already: a test target that passed on this very tree, on this
//! machine as it is now, need not run again.
//!
//! The stamps are in the target folder, so a clean checkout runs everything.

use std::env;
use std::ffi::OsStr;
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use sha2::{Digest, Sha256};

/// Stamps of what passed, each with the key of the tree that it passed on.
pub struct Stamps {
    folder: PathBuf,
    key: Option<String>,
}

impl Stamps {
    /// The stamps below the target folder `target`, for the tree at `root` as it is
    /// now. Without git nothing is known of the tree, so nothing counts as unchanged.
    pub fn read(root: &Path, target: &Path) -> Self {
        Self {
            folder: target.join("passed"),
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

    /// Returns how many tests passed when `name` was last run, if that was on this
    /// tree and all of them passed.
    pub fn passed(&self, name: &str) -> Option<u64> {
        let text = fs::read_to_string(self.file(name)).ok()?;
        let (key, count) = text.trim().split_once(' ')?;
        (Some(key) == self.key.as_deref())
            .then(|| count.parse().ok())
            .flatten()
    }

    /// Notes that all `count` tests of `name` passed on this tree. A stamp that
    /// cannot be written is a target that runs again.
    pub fn note(&self, name: &str, count: u64) {
        if let Some(key) = &self.key {
            let _ = fs::create_dir_all(&self.folder);
            let _ = fs::write(self.file(name), format!("{key} {count}\n"));
        }
    }

    /// Forgets that `name` passed.
    pub fn remove(&self, name: &str) {
        let _ = fs::remove_file(self.file(name));
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name.replace(['/', ':'], "-"))
    }
}

/// The content of every file of the tree that git does not ignore, and what of the
/// machine a test can depend on: kernel, compilers, installed packages, settings.
fn key(root: &Path) -> Option<String> {
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
    let mut settings: Vec<_> = env::vars_os().filter(|(name, _)| matters(name)).collect();
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
    ["RSEQ", "RUST", "LD_", "GLIBC_", "LC_", "LANG"]
        .iter()
        .any(|beginning| name.starts_with(beginning.as_bytes()))
        || name == b"PATH"
        || name == b"HOME"
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

    use super::Stamps;

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
        Stamps::read(root, &root.join("target"))
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
        first.note("suite", 7);
        assert_eq!(stamps(tree.path()).passed("suite"), Some(7));
        assert_eq!(stamps(tree.path()).passed("other"), None);

        fs::write(tree.path().join("new"), "").unwrap();
        assert_eq!(stamps(tree.path()).passed("suite"), None);
        fs::remove_file(tree.path().join("new")).unwrap();
        assert_eq!(stamps(tree.path()).passed("suite"), Some(7));

        fs::write(tree.path().join("a"), "2").unwrap();
        assert_eq!(stamps(tree.path()).passed("suite"), None);
    }

    #[test]
    fn a_failure_and_a_fresh_run_leave_no_stamp() {
        let tree = tree();
        let stamps = stamps(tree.path());
        stamps.note("a", 1);
        stamps.note("b", 1);
        stamps.remove("a");
        assert_eq!(stamps.passed("a"), None);
        stamps.forget().unwrap();
        assert_eq!(stamps.passed("b"), None);
        stamps.forget().unwrap();
    }
}
