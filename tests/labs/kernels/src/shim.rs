//! The shim on another architecture: built here for that, with the cross compiler's C
//! library beside it.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::Duration;
use std::{env, fs};

use rseq_kit::debian::Suite;
use rseq_kit::scratch;

use crate::guest::cross::{Profile, built_for, compile_for, library_for, library_in};
use crate::guest::{Guest, Machine};

/// What is in the guest's `/lib`, besides the shim and the dynamic linker: the C library,
/// and what unwinds.
const LIBRARIES: [&str; 4] = [
    "libc.so.6",
    "libpthread.so.0",
    "libdl.so.2",
    "libgcc_s.so.1",
];

/// What a compiler is told.
type Options = &'static [&'static str];

/// Programs of `tests/fixtures`: name in the guest's `/p`, source, options.
const PROGRAMS: [(&str, &str, Options); 27] = [
    ("census", "census.c", &[]),
    ("endings", "endings.c", &[]),
    ("unwound", "../kernels/unwound.c", &["-fexceptions"]),
    ("routes", "routes.c", &["-lrt", "-lanl"]),
    ("by-handle", "other-roads.c", &["-DHANDLE"]),
    (
        "libfirst.so",
        "other-roads.c",
        &[
            "-DFIRST",
            "-shared",
            "-fPIC",
            "-Wl,-z,initfirst",
            "-Wl,-soname,libfirst.so",
        ],
    ),
    (
        "constructor",
        "other-roads.c",
        &["-DCONSTRUCTOR", "-Wl,--no-as-needed", "-lfirst"],
    ),
    (
        "libindirect.so",
        "other-roads.c",
        &[
            "-DALLOCATOR",
            "-DINDIRECT",
            "-shared",
            "-fPIC",
            "-Wl,-soname,libindirect.so",
        ],
    ),
    (
        "next-indirect",
        "other-roads.c",
        &["-DNEXT", "-Wl,--no-as-needed", "-lindirect"],
    ),
    ("step-back", "step-back.c", &[]),
    ("swarm", "swarm.c", &[]),
    ("aio", "aio.c", &["-lrt"]),
    (
        "adopter",
        "adopter.c",
        &["-Wl,--export-dynamic-symbol=__rseq_abi"],
    ),
    ("hides", "adopter.c", &["-DSECTION"]),
    ("adopts", "adopts.c", &["-DSECTION"]),
    (
        "libdefiner.so",
        "loading-library.c",
        &[
            "-DDEFINES",
            "-DPREFIX=definer",
            "-shared",
            "-fPIC",
            "-Wl,-soname,libdefiner.so",
        ],
    ),
    (
        "libneeds.so",
        "loading-library.c",
        &[
            "-DPREFIX=needs",
            "-DNEEDS=definer",
            "-shared",
            "-fPIC",
            "-ldefiner",
        ],
    ),
    (
        "libplain.so",
        "loading-library.c",
        &["-DPREFIX=plain", "-DTHREAD_LOCAL=64", "-shared", "-fPIC"],
    ),
    ("driver", "loading-driver.c", &[]),
    ("hooks", "loading-hooks.c", &["-Wl,-z,now"]),
    ("creators", "creators.c", &[]),
    (
        "libclient.so",
        "loading-client.c",
        &["-DCLIENT", "-shared", "-fPIC"],
    ),
    (
        "libreuser.so",
        "loading-client.c",
        &["-DREUSER", "-shared", "-fPIC"],
    ),
    ("clients", "loading-client.c", &["-DPROGRAM"]),
    (
        "linked",
        "adopter.c",
        &["-DELSEWHERE", "-Wl,--no-as-needed", "-lrseq_abi"],
    ),
    (
        "libsysv.so",
        "loading-library.c",
        &[
            "-DDEFINES",
            "-DPREFIX=definer",
            "-shared",
            "-fPIC",
            "-Wl,--hash-style=sysv",
        ],
    ),
    (
        "liblarge.so",
        "loading-library.c",
        &[
            "-DPREFIX=large",
            "-DTHREAD_LOCAL=6000",
            "-DMODEL=initial-exec",
            "-shared",
            "-fPIC",
        ],
    ),
];

/// How the code of a machine is compiled, the C library's as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// As the cross compiler does by itself, with its own C library.
    Plain,
    /// For AArch64, with return addresses that are signed and landing pads
    /// (`-mbranch-protection=standard`), with a C library of Debian's that has both.
    Protected,
}

impl Code {
    /// What the compiler is told.
    pub(crate) fn options(self) -> Options {
        match self {
            Self::Plain => &[],
            Self::Protected => &["-mbranch-protection=standard"],
        }
    }

    /// A file of the C library or of the compiler's.
    ///
    /// # Errors
    ///
    /// It cannot be had, or is not compiled so.
    pub fn library(self, machine: Machine, name: &str) -> Result<PathBuf, String> {
        if self == Self::Plain {
            return library_for(machine, name);
        }
        let packages = ["libc6", "libgcc-s1", "libstdc++6"];
        let root = Suite::open_for(PROTECTED, "arm64")?.root(&packages)?;
        let library = library_in(&root, machine.libraries(), name)?;
        // stubs for programs of before glibc 2.34 have no code
        if !["libdl.so.2", "libpthread.so.0"].contains(&name) {
            signs(&library)?;
        }
        Ok(library)
    }
}

/// The Debian release whose C library for AArch64 is protected.
const PROTECTED: &str = "forky";

/// Says whether a function of a file signs its return address.
///
/// # Errors
///
/// It cannot be read, or none does.
pub fn signs(path: &Path) -> Result<(), String> {
    // PACIASP
    const SIGN: [u8; 4] = 0xd503_233f_u32.to_le_bytes();
    let bytes = fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let found = bytes.chunks_exact(SIGN.len()).any(|word| word == SIGN);
    found
        .then_some(())
        .ok_or_else(|| format!("no function of {} signs its return address", path.display()))
}

/// A machine with the C library, the shim and the programs.
///
/// # Errors
///
/// Something does not build, or is not compiled as it has to be.
pub fn guest(machine: Machine, code: Code) -> Result<Guest, String> {
    let linker = machine.linker();
    let mut guest = Guest::new().file(linker, &code.library(machine, machine.linker_name())?);
    for name in LIBRARIES {
        guest = guest.file(&format!("/lib/{name}"), &code.library(machine, name)?);
    }
    let shim = shipped(machine, Shipped::Libraries)?;
    // cargo leaves the number out
    for (name, built) in [
        ("librseq_shim.so", "librseq_shim.so"),
        ("librseq_abi.so.1", "librseq_abi.so"),
    ] {
        guest = guest.file(&format!("/lib/{name}"), &shim.join(built));
    }
    let programs = programs(machine, code)?;
    for (name, _, _) in built_there(machine) {
        guest = guest.file(&format!("/p/{name}"), &programs.join(name));
    }
    Ok(guest)
}

/// What is built for that architecture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shipped {
    /// Both libraries.
    Libraries,
    /// The command as well, which takes minutes the first time.
    All,
}

/// The folder with what is shipped, built as it is shipped. `RSEQ_AARCH64_ARTIFACTS`, or
/// the same for another architecture, is a folder where that is built already.
///
/// # Errors
///
/// It does not build.
pub fn shipped(machine: Machine, what: Shipped) -> Result<PathBuf, String> {
    let artifacts = format!("RSEQ_{}_ARTIFACTS", machine.name().to_uppercase());
    if let Some(folder) = env::var_os(artifacts) {
        return Ok(PathBuf::from(folder));
    }
    let mut packages = vec!["rseq-shim", "rseq-abi-library"];
    if what == Shipped::All {
        packages.push("rseqctl");
    }
    let limit = Duration::from_secs(1800);
    built_for(machine, Profile::Release, &packages, limit)
}

/// One that is for s390x alone: AArch64's glibc has never known a timer by an int.
const OLD_TIMER: (&str, &str, Options) = ("old-timer", "old-timer.c", &["-DOLD"]);

/// What is built for a machine.
fn built_there(machine: Machine) -> impl Iterator<Item = (&'static str, &'static str, Options)> {
    let own = (machine == Machine::S390x).then_some(OLD_TIMER);
    PROGRAMS.into_iter().chain(own)
}

/// The folder with the programs.
fn programs(machine: Machine, code: Code) -> Result<PathBuf, String> {
    type Folder = LazyLock<Result<PathBuf, String>>;
    static AARCH64: Folder = LazyLock::new(|| build_programs(Machine::Aarch64, Code::Plain));
    static PROTECTED: Folder = LazyLock::new(|| {
        let folder = build_programs(Machine::Aarch64, Code::Protected)?;
        signs(&folder.join("census"))?;
        Ok(folder)
    });
    static S390X: Folder = LazyLock::new(|| build_programs(Machine::S390x, Code::Plain));
    match (machine, code) {
        (Machine::Aarch64, Code::Plain) => AARCH64.clone(),
        (Machine::Aarch64, Code::Protected) => PROTECTED.clone(),
        (Machine::S390x, Code::Plain) => S390X.clone(),
        (Machine::X86_64, _) => Err("this machine's own architecture".to_owned()),
        (Machine::S390x, Code::Protected) => Err("s390x signs no addresses".to_owned()),
    }
}

fn build_programs(machine: Machine, code: Code) -> Result<PathBuf, String> {
    let folder = scratch::directory(machine.name())?;
    let [search, libraries] =
        [&folder, &shipped(machine, Shipped::Libraries)?].map(|it| format!("-L{}", it.display()));
    for (name, source, options) in built_there(machine) {
        let own = [&*search, &*libraries, "-Wl,-rpath,/p"].into_iter();
        let options = own.chain(options.iter().copied());
        let options: Vec<_> = options.chain(code.options().iter().copied()).collect();
        let source = format!("fixtures/{source}");
        compile_for(machine, &source, &options, &folder.join(name))?;
    }
    Ok(folder)
}
