//! Another glibc than this machine's, from a Debian suite: to build fixtures
//! against, and to run them on.

use std::path::{Path, PathBuf};

use crate::artifacts::room;
use crate::child::Program;
use crate::debian::Suite;
use crate::needs::{Asked, Need, Prerequisite};
use crate::scratch;

/// What it takes to build a C program, and to cancel its threads.
const PACKAGES: [&str; 3] = ["libc6", "libc6-dev", "libgcc-s1"];

/// Where Debian has put it, before and since /lib became a link.
const FOLDERS: [&str; 2] = ["lib/x86_64-linux-gnu", "usr/lib/x86_64-linux-gnu"];
const LIBRARIES: [&str; 4] = ["libc.so.6", "libpthread.so.0", "libdl.so.2", "librt.so.1"];

/// The libc of a suite.
#[derive(Clone, Debug)]
pub struct Libc {
    root: PathBuf,
}

impl Libc {
    /// Returns the libc of the suite `name`.
    ///
    /// # Errors
    ///
    /// It cannot be had.
    pub fn of(name: &str) -> Result<Self, String> {
        let root = Suite::open(name)?.root(&PACKAGES)?;
        Ok(Self { root })
    }

    /// Returns the folder with its files, as below `/`.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Returns one of its own libraries.
    #[must_use]
    pub fn library(&self, name: &str) -> PathBuf {
        self.libraries().join(name)
    }

    /// Builds `fixtures/SOURCE.c` to run on it, with this machine's headers and
    /// these options instead of the fixture's own.
    ///
    /// # Errors
    ///
    /// The compiler's.
    pub fn build(&self, source: &str, options: &[&str]) -> Result<PathBuf, String> {
        let program = scratch::directory(source)?.join(source);
        let libraries = self.libraries();
        let to_link = self.root.join(FOLDERS[1]);
        // each library by its path: the linker script libc.so names paths of
        // another root, and what is found by name is this machine's
        Program::with_callers_environment("cc")
            .arg("-B")
            .arg(&to_link)
            .args(["-O2", "-nodefaultlibs", "-o"])
            .arg(&program)
            .args(options)
            .arg(room().join("fixtures").join(format!("{source}.c")))
            .arg(format!("-Wl,-rpath-link,{}", libraries.display()))
            .args(LIBRARIES.map(|name| libraries.join(name)))
            .arg(to_link.join("libc_nonshared.a"))
            .arg("-lgcc")
            .run()?
            .expect(0)?;
        Ok(program)
    }

    /// Returns the options of [`Self::build`] for a program that finds this libc by itself:
    /// for tools that must start it themselves.
    #[must_use]
    pub fn own_linker(&self) -> [String; 2] {
        let folder = self.libraries();
        let linker = folder.join("ld-linux-x86-64.so.2");
        [
            format!("-Wl,--dynamic-linker={}", linker.display()),
            format!("-Wl,-rpath,{}", folder.display()),
        ]
    }

    /// Returns a program to run on it: what is preloaded, is preloaded there.
    #[must_use]
    pub fn program(&self, program: &Path) -> Program {
        let [linker, arguments @ ..] = self.command(program);
        Program::new(linker).args(arguments)
    }

    /// Returns the same as a list of words, for a program that starts it.
    #[must_use]
    pub fn command(&self, program: &Path) -> [PathBuf; 4] {
        let libraries = self.libraries();
        [
            libraries.join("ld-linux-x86-64.so.2"),
            "--library-path".into(),
            libraries,
            program.into(),
        ]
    }

    fn libraries(&self) -> PathBuf {
        let folder = FOLDERS
            .into_iter()
            .find(|folder| self.root.join(folder).join("libc.so.6").is_file());
        self.root.join(folder.unwrap_or(FOLDERS[0]))
    }
}

/// Returns the glibc of the Debian suite `name`, which apt can download.
#[must_use]
pub fn need(name: &'static str) -> Need {
    Need::of(Of(name))
}

#[derive(Debug)]
struct Of(&'static str);

impl Prerequisite for Of {
    fn check(&self) -> Result<(), String> {
        Libc::of(self.0).map(drop)
    }
}

/// Returns a root with nothing but glibc 2.31.
///
/// # Errors
///
/// It cannot be downloaded.
pub fn old_glibc() -> Result<PathBuf, String> {
    Suite::open("bullseye")?.root(&["libc6"])
}

/// The glibc of Debian 11, which apt-get can download.
pub const OLD: Need = Need::new(&Asked("glibc 2.31", || old_glibc().map(drop)));
