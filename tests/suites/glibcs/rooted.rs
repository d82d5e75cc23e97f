//! A glibc in a root of its own, as on a machine of its suite.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rseq_kit::artifacts::artifacts;
use rseq_kit::child::Program;
use rseq_kit::debian::Suite;
use rseq_kit::executable;
use rseq_kit::needs::{Need, Prerequisite};
use rseq_kit::scratch;

/// Enters the root. Files keep their paths there: `$FILES` is the folder that holds them.
const ENTER: &str = r#"
for part in usr lib lib64; do
    if [ -d "$PACKAGES/$part" ]; then
        mkdir "$part"
        mount --bind "$PACKAGES/$part" "$part"
    else
        ln -s "usr/$part" "$part"
    fi
done
mkdir -p proc dev tmp "./$FILES"
mount --bind /dev dev
mount --bind "$FILES" "./$FILES"
[ -z "$PROC" ] || mount -t proc none proc
eval "exec env ${PRELOAD:+LD_PRELOAD=$PRELOAD} chroot . \"\$@\" $REDIRECTION"
"#;

/// A root, entered anew by each program.
pub struct Rooted {
    packages: PathBuf,
    files: PathBuf,
}

impl Rooted {
    /// Returns a root with these packages of a suite; the shim is in it, too.
    pub fn new(suite: &str, packages: &[&str]) -> Result<Self, String> {
        let rooted = Self {
            packages: Suite::open(suite)?.root(packages)?,
            files: scratch::directory("files")?,
        };
        let artifacts = artifacts()?;
        for file in [&artifacts.shim, &artifacts.abi, &artifacts.rseqctl] {
            rooted.file(file)?;
        }
        Ok(rooted)
    }

    /// Returns the path of a file of this name, there and here.
    pub fn place(&self, name: impl AsRef<Path>) -> PathBuf {
        self.files.join(name)
    }

    /// Puts a file into the root; returns its path there.
    pub fn file(&self, path: &Path) -> Result<OsString, String> {
        let place = self.place(path.file_name().unwrap_or_default());
        executable::copied(path, &place, 0o755)?;
        Ok(place.into_os_string())
    }

    /// Returns a program to run there under the shim, with /proc and with these tunables of
    /// glibc's.
    pub fn preloaded(
        &self,
        words: &[impl AsRef<OsStr>],
        tunables: &str,
    ) -> Result<Program, String> {
        let name = artifacts()?.shim.file_name().unwrap_or_default();
        let program = self.enter(words)?.env("PROC", "mounted");
        Ok(program
            .env("PRELOAD", self.place(name))
            .env("GLIBC_TUNABLES", tunables))
    }

    /// Returns a program to run there: without /proc, unless `PROC` says so.
    pub fn enter(&self, words: &[impl AsRef<OsStr>]) -> Result<Program, String> {
        Ok(Program::new("unshare")
            .args(["--mount", "sh", "-eu", "-c", ENTER, "sh"])
            .args(words)
            .directory(&scratch::directory("root")?)
            .env("PACKAGES", &self.packages)
            .env("FILES", &self.files)
            .env("PROC", "")
            .env("PRELOAD", "")
            .env("REDIRECTION", "")
            .limit(Duration::from_secs(120)))
    }
}

/// Returns the packages of a suite, as a need.
pub fn need(suite: &'static str, packages: &'static [&'static str]) -> Need {
    Need::of(Packages(suite, packages))
}

#[derive(Debug)]
struct Packages(&'static str, &'static [&'static str]);

impl Prerequisite for Packages {
    fn check(&self) -> Result<(), String> {
        Suite::open(self.0)?.root(self.1).map(drop)
    }
}
