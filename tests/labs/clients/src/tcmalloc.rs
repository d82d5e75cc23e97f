//! TCMalloc, built from the source that a crate brings, and one program linked
//! with it in several ways. It takes some minutes, once.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::Duration;

use serde_json::Value;

use rseq_kit::artifacts::{artifacts, room};
use rseq_kit::cache;
use rseq_kit::child::{Finished, Program};
use rseq_kit::machine::Machine;
use rseq_kit::needs::{Asked, Need, program};

/// TCMalloc, which cargo and a C++ compiler can build. That the program links is tested.
pub const NEED: Need = Need::new(&Asked("TCMalloc", || {
    kept_archive(Machine::X86_64).map(drop)
}));

/// TCMalloc for AArch64, where it has been built.
pub const NEED_FOR_AARCH64: Need =
    Need::new(&Asked("TCMalloc for AArch64", || for_aarch64().map(drop)));

/// Its sources, which cargo can download.
pub const NEED_SOURCES: Need = Need::new(&Asked("the sources of TCMalloc", || sources().map(drop)));

/// The crate, and what its build script leaves.
const CRATE: &str = "libtcmalloc-sys";
const ARCHIVE: &str = "libtcmalloc.a";
/// The allocator as a library.
pub const LIBRARY: &str = "libtcmalloc-shared.so";
const OBJECT: &str = "program.o";
const EXPORT: &str = "-Wl,--export-dynamic-symbol=__rseq_abi";

/// How long its 200 C++ files may take on a slow machine.
const LIMIT: Duration = Duration::from_secs(900);

/// Where the allocator's `__rseq_abi` is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Linked {
    /// In the executable, not exported: as everybody links it.
    Hidden,
    /// In the executable, exported.
    Exported,
    /// In a shared library.
    Shared,
    /// In the executable, beside `librseq_owner.a`, which registers it.
    Owned,
    /// The same, statically linked.
    OwnedStatic,
}

/// The program, linked this way.
///
/// # Errors
///
/// It cannot be built here.
pub fn binary(linked: Linked) -> Result<PathBuf, String> {
    static FOLDER: LazyLock<Result<PathBuf, String>> = LazyLock::new(|| build(Machine::X86_64));
    static OWNED: LazyLock<Result<(), String>> =
        LazyLock::new(|| FOLDER.as_deref().map_err(Clone::clone).and_then(link_owned));

    let name = linked.name();
    if matches!(linked, Linked::Owned | Linked::OwnedStatic) {
        OWNED.clone()?;
    }
    Ok(FOLDER.clone()?.join(name))
}

impl Linked {
    /// The program's name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Hidden => "hidden",
            Self::Exported => "exported",
            Self::Shared => "shared",
            Self::Owned => "owned",
            Self::OwnedStatic => "owned-static",
        }
    }
}

/// Asks for TCMalloc to be built for AArch64, which takes 20 minutes of a processor.
const BUILD: &str = "RSEQ_TESTS_BUILD";

/// The folder with the program for AArch64, and the allocator as a library: linked in each
/// way but with our archive.
///
/// # Errors
///
/// It cannot be built here, or has not been built, and nobody has asked for that.
pub fn for_aarch64() -> Result<PathBuf, String> {
    static FOLDER: LazyLock<Result<PathBuf, String>> = LazyLock::new(|| build(Machine::Aarch64));

    let name = archive_name(&lock()?, Some(&target(Machine::Aarch64)))?;
    if std::env::var_os(BUILD).is_none() && cache::made(&name)?.is_none() {
        let command = "cargo test -p rseq-lab-kernels --test aarch64-clients";
        return Err(format!("it is not built ({BUILD}=1 {command})"));
    }
    FOLDER.clone()
}

/// The folder with the sources that the crate brings: `tcmalloc` and `abseil-cpp`.
///
/// # Errors
///
/// cargo cannot download them.
pub fn sources() -> Result<PathBuf, String> {
    let work = rseq_kit::scratch::directory("tcmalloc-sources")?;
    copy_crate(&source(), &work)?;
    let told = cargo()
        .args(["metadata", "--quiet", "--locked", "--format-version", "1"])
        .directory(&work)
        .limit(LIMIT)
        .run()?
        .expect(0)
        .map_err(|error| format!("needs TCMalloc, which cargo cannot download: {error}"))?;
    let told: Value = serde_json::from_str(&told.out).map_err(|error| error.to_string())?;
    let mut packages = told["packages"].as_array().into_iter().flatten();
    let found = packages.find(|package| package["name"] == CRATE);
    let manifest = found.and_then(|package| package["manifest_path"].as_str());
    let manifest = manifest.ok_or("cargo does not tell where TCMalloc is")?;
    Ok(Path::new(manifest).with_file_name("c_src"))
}

/// How many threads the program has.
pub const THREADS: u32 = 9;

/// What the program says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Said {
    /// Its per-CPU caches are on.
    pub caches: bool,
    /// How many of its threads were registered before they came to the allocator.
    pub early: u32,
}

/// Reads what the program has printed.
///
/// # Errors
///
/// It failed, or a block was given out twice.
pub fn said(finished: &Finished) -> Result<Said, String> {
    let lines: Vec<_> = finished.expect_ref(0)?.out.lines().collect();
    let strange = || format!("strange: {}{}", finished.out, finished.err);
    let [caches, early, "0 overlaps 0 failures"] = lines[..] else {
        return Err(strange());
    };
    let early = early.strip_suffix(" threads registered before");
    Ok(Said {
        caches: match caches {
            "per-CPU caches on" => true,
            "per-CPU caches off" => false,
            _ => return Err(strange()),
        },
        early: early
            .and_then(|count| count.parse().ok())
            .ok_or_else(strange)?,
    })
}

fn build(machine: Machine) -> Result<PathBuf, String> {
    link(machine, &source(), &kept_archive(machine)?.join(ARCHIVE))
}

/// The folder with the allocator, which nobody has changed since it was built.
fn kept_archive(machine: Machine) -> Result<PathBuf, String> {
    let target = machine.foreign().map(|_| target(machine));
    let name = archive_name(&lock()?, target.as_deref())?;
    cache::kept(&name, |folder| {
        archive(&source(), machine, target.as_deref(), folder)
    })
}

/// Where the program is, and the crate that brings TCMalloc.
fn source() -> PathBuf {
    room().join("clients/tcmalloc")
}

fn lock() -> Result<String, String> {
    fs::read_to_string(source().join("Cargo.lock")).map_err(|error| error.to_string())
}

/// The name under which the archive is kept.
fn archive_name(lock: &str, target: Option<&str>) -> Result<String, String> {
    let version =
        cache::locked_version(lock, CRATE).ok_or("no version of TCMalloc in its lock file")?;
    Ok(match target {
        None => format!("{CRATE}-{version}"),
        Some(target) => format!("{CRATE}-{version}-{target}"),
    })
}

/// What rustc calls a machine.
fn target(machine: Machine) -> String {
    format!("{}-unknown-linux-gnu", machine.name())
}

/// The C++ compiler of a machine.
fn cxx(machine: Machine) -> String {
    match machine.foreign() {
        None => "c++".to_owned(),
        Some(_) => format!("{}-g++", machine.libraries()),
    }
}

fn cargo() -> Program {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| env!("CARGO").into());
    Program::with_callers_environment(cargo)
}

/// Copies the crate that needs the allocator's, to a place outside of this workspace.
fn copy_crate(from: &Path, to: &Path) -> Result<(), String> {
    for name in ["Cargo.toml", "Cargo.lock", "lib.rs"] {
        fs::copy(from.join(name), to.join(name)).map_err(|error| error.to_string())?;
    }
    Ok(())
}

/// Builds the archive into `folder`, and leaves nothing else there.
fn archive(
    source: &Path,
    machine: Machine,
    target: Option<&str>,
    folder: &Path,
) -> Result<(), String> {
    program(&cxx(machine))?;
    let work = tempfile::tempdir_in(folder).map_err(|error| error.to_string())?;
    copy_crate(source, work.path())?;
    let built = cargo()
        .args(["build", "--release", "--locked", "--message-format", "json"])
        .arg("--target-dir")
        .arg(work.path().join("target"))
        .args(target.iter().flat_map(|target| ["--target", target]))
        .directory(work.path())
        .limit(LIMIT)
        .run()?;
    if built.code() != 0 {
        let last = built.err.lines().last().unwrap_or_default();
        return Err(format!("needs TCMalloc, which cargo cannot build: {last}"));
    }
    let place = built.out.lines().find_map(|line| {
        let message: Value = serde_json::from_str(line).ok()?;
        let is_ours = message["reason"] == "build-script-executed"
            && message["package_id"].as_str()?.contains(CRATE);
        is_ours.then(|| Some(PathBuf::from(message["out_dir"].as_str()?)))?
    });
    let place = place.ok_or("cargo does not tell where TCMalloc was built")?;
    fs::copy(place.join(ARCHIVE), folder.join(ARCHIVE))
        .map(drop)
        .map_err(|error| format!("{ARCHIVE}: {error}"))
}

/// Links the program without our archive in every way, into a scratch folder.
fn link(machine: Machine, source: &Path, archive: &Path) -> Result<PathBuf, String> {
    let folder = rseq_kit::scratch::directory("tcmalloc")?;
    let object = folder.join(OBJECT);
    Program::with_callers_environment(program(machine.compiler())?)
        .args(["-O2", "-Wall", "-Wextra", "-c", "-o"])
        .args([&object, &source.join("program.c")])
        .run()?
        .expect(0)?;
    // for those with our archive, which are linked when they are asked for
    std::os::unix::fs::symlink(archive, folder.join(ARCHIVE)).map_err(|error| error.to_string())?;
    let (object, archive) = (object.as_os_str(), archive.as_os_str());
    let link_one =
        |out: &str, arguments: &[&OsStr]| link_one(&cxx(machine), &folder, out, arguments);
    link_one("hidden", &[object, archive])?;
    link_one("exported", &[object, archive, EXPORT.as_ref()])?;
    let whole = "-Wl,--whole-archive".as_ref();
    let end = "-Wl,--no-whole-archive".as_ref();
    let shared = "-shared".as_ref();
    // else programs would know it by the path that it was linked from
    let name = format!("-Wl,-soname,{LIBRARY}");
    link_one(LIBRARY, &[shared, name.as_ref(), whole, archive, end])?;
    let library = folder.join(LIBRARY);
    let path = "-Wl,-rpath,$ORIGIN".as_ref();
    link_one("shared", &[object, library.as_os_str(), path])?;
    Ok(folder)
}

/// Links it with our archive.
fn link_owned(folder: &Path) -> Result<(), String> {
    let (object, archive) = (folder.join(OBJECT), folder.join(ARCHIVE));
    let (object, archive) = (object.as_os_str(), archive.as_os_str());
    let owner = artifacts()?.owner.as_os_str();
    let link_one =
        |out: &str, arguments: &[&OsStr]| link_one(&cxx(Machine::X86_64), folder, out, arguments);
    link_one("owned", &[object, archive, owner, EXPORT.as_ref()])?;
    let fixed = "-static".as_ref();
    link_one("owned-static", &[fixed, object, archive, owner])
}

fn link_one(compiler: &str, folder: &Path, out: &str, arguments: &[&OsStr]) -> Result<(), String> {
    Program::with_callers_environment(program(compiler)?)
        .args(["-pthread", "-o"])
        .arg(folder.join(out))
        .args(arguments)
        .limit(Duration::from_secs(120))
        .run()?
        .expect(0)
        .map(drop)
        .map_err(|error| format!("the program does not link: {error}"))
}
