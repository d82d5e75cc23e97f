//! Prerequisites that any test can have.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{LazyLock, Mutex, PoisonError};

use super::{Need, Prerequisite, program, python};
use crate::child::Program;
use crate::{scratch, sys};

/// A prerequisite without parameters: its name, and how to find out.
#[derive(Debug)]
pub struct Asked(pub &'static str, pub fn() -> Result<(), String>);

impl Prerequisite for Asked {
    fn check(&self) -> Result<(), String> {
        (self.1)()
    }
}

impl Need {
    /// A C compiler, `cc`.
    pub const CC: Self = Self::new(&Tool("cc"));
    /// A C++ compiler, `c++`.
    pub const CXX: Self = Self::new(&Tool("c++"));
    /// An archive of the C library, for `-static`.
    pub const STATIC_LIBC: Self = Self::new(&Asked("libc.a", static_libc));
    /// GNU binutils' `strip` and `objcopy`.
    pub const BINUTILS: Self = Self::new(&Asked("binutils", binutils));
    /// GNU binutils' `readelf`, as a second reader.
    pub const READELF: Self = Self::new(&Tool("readelf"));
    /// A C Python interpreter, `python3`.
    pub const PYTHON: Self = Self::new(&Asked("C Python", || python().map(drop)));
    /// Node.js, `node`.
    pub const NODE: Self = Self::new(&Tool("node"));
    /// A Java virtual machine that runs a source file, `java`.
    pub const JAVA: Self = Self::new(&Asked("Java 11", java));
    /// util-linux' `setpriv`.
    pub const SETPRIV: Self = Self::new(&Tool("setpriv"));
    /// coreutils' `sort` with `--parallel`.
    pub const GNU_SORT: Self = Self::new(&Asked("sort of GNU coreutils", gnu_sort));
    /// systemd's `systemd-analyze`.
    pub const SYSTEMD: Self = Self::new(&Tool("systemd-analyze"));
    /// x86-64: the only architecture the shim has so far.
    pub const X86_64: Self = Self::new(&Asked("x86-64", x86_64));
    /// A kernel with `sys_rseq`, not denied.
    pub const RSEQ: Self = Self::new(&Asked("sys_rseq", rseq));
    /// Permission to trace a child.
    pub const PTRACE: Self = Self::new(&Asked("ptrace", ptrace));
    /// The rights of root.
    pub const ROOT: Self = Self::new(&Asked("root", root));
    /// Permission to mount in a namespace of one's own.
    pub const MOUNT_NAMESPACE: Self = Self::new(&Asked("mount namespace", mount_namespace));

    /// glibc 2.35 or later, which registers by itself.
    pub const GLIBC_2_35: Self = Self::new(&Glibc(2, 35));
    /// What it takes to look at a live process that has registered.
    pub const LIVE: [Self; 5] = [
        Self::X86_64,
        Self::GLIBC_2_35,
        Self::RSEQ,
        Self::PTRACE,
        Self::CC,
    ];
}

/// A program in `PATH`.
#[derive(Debug)]
pub struct Tool(pub &'static str);

impl Prerequisite for Tool {
    fn check(&self) -> Result<(), String> {
        program(self.0).map(drop)
    }
}

/// glibc of at least this version: major, minor.
#[derive(Debug)]
pub struct Glibc(pub u32, pub u32);

impl Prerequisite for Glibc {
    fn check(&self) -> Result<(), String> {
        let Self(major, minor) = *self;
        let here = sys::glibc_version().unwrap_or((0, 0));
        holds(
            here >= (major, minor),
            &format!("needs glibc {major}.{minor}, this is {}.{}", here.0, here.1),
        )
    }
}

/// A C compiler with the runtime of this sanitizer, as `-fsanitize=` names it.
#[derive(Debug)]
pub struct Sanitizer(pub &'static str);

impl Prerequisite for Sanitizer {
    fn check(&self) -> Result<(), String> {
        sanitizer(self.0)
    }
}

fn x86_64() -> Result<(), String> {
    holds(
        cfg!(all(target_arch = "x86_64", target_pointer_width = "64")),
        "needs x86-64",
    )
}

fn root() -> Result<(), String> {
    holds(sys::is_root(), "needs root")
}

fn binutils() -> Result<(), String> {
    program("strip").and(program("objcopy")).map(drop)
}

fn holds(condition: bool, otherwise: &str) -> Result<(), String> {
    condition.then_some(()).ok_or_else(|| otherwise.to_owned())
}

/// Checks for a Java that runs a source file (11 and later).
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

/// Checks whether a program can be linked with a sanitizer, and starts: some kernels
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
    let arch = sys::native()?;
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
