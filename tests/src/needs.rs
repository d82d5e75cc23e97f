//! What a test needs of the machine: the one place that decides whether it can
//! run here.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, Mutex, PoisonError};

use crate::child::Program;
use crate::conformance::{Programs, Root};
use crate::debian::Suite;
use crate::foreign::Libc;
use crate::patched::build::TOOLS;
use crate::patched::series::Series;
use crate::tcmalloc::{self, Linked};
use crate::{container, duckdb, guest, sarif, scratch, selftests, sys, workerd};

/// One prerequisite.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// A C compiler, `cc`.
    Cc,
    /// A C++ compiler, `c++`.
    Cxx,
    /// An archive of the C library, for `-static`.
    StaticLibc,
    /// A C compiler with the runtime of this sanitizer.
    Sanitizer(&'static str),
    /// A program in `PATH`.
    Tool(&'static str),
    /// GNU binutils' `strip` and `objcopy`.
    Binutils,
    /// GNU binutils' `readelf`, as a second reader.
    Readelf,
    /// A C Python interpreter, `python3`.
    Python,
    /// The engine DuckDB, which pip can install.
    DuckDb,
    /// The schema of SARIF, which cargo can download.
    SarifSchema,
    /// Node.js, `node`.
    Node,
    /// A Java virtual machine that runs a source file, `java`.
    Java,
    /// util-linux' `setpriv`.
    Setpriv,
    /// coreutils' `sort` with `--parallel`.
    GnuSort,
    /// The server `workerd`, which npm can install.
    Workerd,
    /// TCMalloc, which cargo and a C++ compiler can build.
    Tcmalloc,
    /// A package of Debian bookworm, which apt-get can download.
    Package(&'static str),
    /// The C library of a Debian release, with the conformance suite.
    Release(&'static str),
    /// The kernel's own tests, which apt-get can download and a compiler build.
    Selftests,
    /// x86-64: the only architecture the shim has so far.
    X86_64,
    /// glibc of at least this version.
    Glibc(u32, u32),
    /// A kernel with `sys_rseq`, not denied.
    Rseq,
    /// Permission to trace a child.
    Ptrace,
    /// An emulator, and this kernel to boot in it.
    Kernel(guest::Kernel),
    /// The glibc of Debian 11, which apt-get can download.
    OldGlibc,
    /// The rights of root.
    Root,
    /// Permission to mount in a namespace of one's own.
    MountNamespace,
    /// systemd's `systemd-analyze`.
    Systemd,
    /// Debian's packages for the root of a container, which apt can download.
    Container,
    /// The glibc of this Debian suite, which apt can download.
    Libc(&'static str),
    /// The source that the patch series of this name is for.
    GlibcSource(&'static str),
    /// The same, patched, and what it takes to build it.
    PatchedGlibc(&'static str),
}

impl Need {
    /// Whether the machine has it.
    ///
    /// # Errors
    ///
    /// It has not: one clause that says what is missing.
    pub fn check(self) -> Result<(), String> {
        match self {
            Self::Cc => program("cc").map(drop),
            Self::Cxx => program("c++").map(drop),
            Self::StaticLibc => static_libc(),
            Self::Sanitizer(name) => sanitizer(name),
            Self::Tool(name) => program(name).map(drop),
            Self::Binutils => program("strip").and(program("objcopy")).map(drop),
            Self::Readelf => program("readelf").map(drop),
            Self::Python => python().map(drop),
            Self::DuckDb => duckdb::folder().map(drop),
            Self::SarifSchema => sarif::schema().map(drop),
            Self::Node => program("node").map(drop),
            Self::Java => java(),
            Self::Setpriv => program("setpriv").map(drop),
            Self::GnuSort => gnu_sort(),
            Self::Workerd => workerd::binary().map(drop),
            Self::Tcmalloc => tcmalloc::binary(Linked::Hidden).map(drop),
            Self::Package(name) => Suite::open("bookworm")
                .and_then(|suite| suite.root(&[name]))
                .map(drop),
            Self::Release(name) => Root::open(name).and(Programs::for_all()).map(drop),
            Self::Selftests => selftests::folder().map(drop),
            Self::X86_64 => holds(
                cfg!(all(target_arch = "x86_64", target_pointer_width = "64")),
                "needs x86-64",
            ),
            Self::Glibc(major, minor) => {
                let here = sys::glibc_version().unwrap_or((0, 0));
                holds(
                    here >= (major, minor),
                    &format!("needs glibc {major}.{minor}, this is {}.{}", here.0, here.1),
                )
            }
            Self::Rseq => rseq(),
            Self::Ptrace => ptrace(),
            Self::Kernel(kernel) => {
                program(guest::QEMU).and(static_libc())?;
                kernel.image().map(drop)
            }
            Self::OldGlibc => old_glibc().map(drop),
            Self::Root => holds(sys::is_root(), "needs root"),
            Self::MountNamespace => mount_namespace(),
            Self::Systemd => program("systemd-analyze").map(drop),
            Self::Container => container::root().map(drop),
            Self::Libc(suite) => Libc::of(suite).map(drop),
            Self::GlibcSource(base) => program("patch")
                .and(program("dpkg-source"))
                .and_then(|_| Series::read(base)?.source())
                .map(drop),
            // that it does not build is no reason to skip
            Self::PatchedGlibc(base) => TOOLS
                .into_iter()
                .try_for_each(|tool| program(tool).map(drop))
                .and_then(|()| Self::GlibcSource(base).check()),
        }
    }

    /// The need that a fixture's `needs:` names by `word`.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Some(match word {
            "c++" => Self::Cxx,
            "static-libc" => Self::StaticLibc,
            "asan" => Self::Sanitizer("address"),
            "tsan" => Self::Sanitizer("thread"),
            "ubsan" => Self::Sanitizer("undefined"),
            "binutils" => Self::Binutils,
            "x86-64" => Self::X86_64,
            "glibc-2.35" => Self::Glibc(2, 35),
            "rseq" => Self::Rseq,
            "root" => Self::Root,
            _ => Self::Tool(FIXTURE_TOOLS.into_iter().find(|tool| *tool == word)?),
        })
    }
}

/// Programs that make fixtures and take them apart, named by their `needs:`.
const FIXTURE_TOOLS: [&str; 12] = [
    "aarch64-linux-gnu-gcc",
    "bzip2",
    "cpio",
    "dpkg-deb",
    "mkfifo",
    "rpm2cpio",
    "rpmbuild",
    "s390x-linux-gnu-gcc",
    "unzip",
    "xz",
    "zip",
    "zstd",
];

fn holds(condition: bool, otherwise: &str) -> Result<(), String> {
    condition.then_some(()).ok_or_else(|| otherwise.to_owned())
}

/// The path of a program in `PATH`.
///
/// # Errors
///
/// It is not there.
pub fn program(name: &str) -> Result<PathBuf, String> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .map(|directory| directory.join(name))
        .find(|candidate| candidate.is_file())
        .ok_or_else(|| format!("needs {name} in PATH"))
}

/// The Python interpreter itself: `python3` may be a script that finds it.
///
/// # Errors
///
/// There is none, or it is not C Python.
pub fn python() -> Result<PathBuf, String> {
    static PYTHON: LazyLock<Result<PathBuf, String>> = LazyLock::new(|| {
        let ask = "import sys; print(sys.implementation.name, sys.executable)";
        let answer = Program::with_callers_environment(program("python3")?)
            .args(["-c", ask])
            .run()?;
        match answer.out.trim().split_once(' ') {
            Some(("cpython", path)) if Path::new(path).is_file() => Ok(path.into()),
            _ => Err("needs C Python as python3".to_owned()),
        }
    });
    PYTHON.clone()
}

/// A root with nothing but glibc 2.31.
///
/// # Errors
///
/// It cannot be downloaded.
pub fn old_glibc() -> Result<PathBuf, String> {
    crate::debian::Suite::open("bullseye")?.root(&["libc6"])
}

/// Java that runs a source file (11 and later).
fn java() -> Result<(), String> {
    let version = Program::new(program("java")?).arg("--version").run()?;
    holds(version.code() == 0, "needs Java 11")
}

fn mount_namespace() -> Result<(), String> {
    let mount = "mount --bind /etc/ld.so.cache /etc/ld.so.cache";
    let tried = Program::new(program("unshare")?)
        .args(["--mount", "sh", "-c", mount])
        .run()?;
    holds(tried.code() == 0, "needs permission to mount")
}

fn gnu_sort() -> Result<(), String> {
    let version = Program::new(program("sort")?).arg("--version").run()?;
    holds(
        version.out.contains("GNU coreutils"),
        "needs sort of GNU coreutils",
    )
}

fn static_libc() -> Result<(), String> {
    let answer = Program::new(program("cc")?)
        .arg("-print-file-name=libc.a")
        .run()?;
    holds(
        Path::new(answer.out.trim()).is_absolute(),
        "needs libc.a for -static",
    )
}

/// Whether a program can be linked with a sanitizer, and starts: some kernels
/// lay out memory in a way that its runtime cannot use.
fn sanitizer(name: &str) -> Result<(), String> {
    static KNOWN: Mutex<BTreeMap<String, Result<(), String>>> = Mutex::new(BTreeMap::new());

    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    let answer = known.entry(name.to_owned()).or_insert_with(|| {
        let folder = scratch::directory("sanitizer")?;
        let (source, binary) = (folder.join("empty.c"), folder.join("empty"));
        std::fs::write(&source, "int main(void) { return 0; }\n")
            .map_err(|error| error.to_string())?;
        Program::with_callers_environment(program("cc")?)
            .arg(format!("-fsanitize={name}"))
            .args([&*source, "-o".as_ref(), &*binary])
            .run()?
            .expect(0)
            .map_err(|_| format!("needs a C compiler with -fsanitize={name}"))?;
        Program::new(&binary)
            .run()?
            .expect(0)
            .map_err(|_| format!("needs a machine where -fsanitize={name} starts"))?;
        Ok(())
    });
    answer.clone()
}

fn rseq() -> Result<(), String> {
    let arch = crate::trace::native()?;
    match sys::rseq_refusal(arch.syscall) {
        libc::ENOSYS => Err("needs a kernel with sys_rseq".to_owned()),
        libc::EPERM => Err("needs sys_rseq, which is denied here".to_owned()),
        _ => Ok(()),
    }
}

fn ptrace() -> Result<(), String> {
    static PTRACE: LazyLock<Result<(), String>> = LazyLock::new(|| {
        let traced = Program::new(program("true")?).trace()?;
        traced.finish().map(drop)
    });
    PTRACE
        .clone()
        .map_err(|error| format!("needs ptrace: {error}"))
}
