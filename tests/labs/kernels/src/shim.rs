//! The shim on another architecture: built here for that, with the cross compiler's C
//! library beside it.

use std::env;
use std::path::PathBuf;
use std::sync::LazyLock;
use std::time::Duration;

use rseq_kit::scratch;

use crate::guest::cross::{Profile, built_for, compile_for, library_for};
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
const PROGRAMS: [(&str, &str, Options); 26] = [
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

/// A machine with the C library, the shim and the programs.
///
/// # Errors
///
/// Something does not build.
pub fn guest(machine: Machine) -> Result<Guest, String> {
    let linker = machine.linker();
    let mut guest = Guest::new().file(linker, &library_for(machine, machine.linker_name())?);
    for name in LIBRARIES {
        guest = guest.file(&format!("/lib/{name}"), &library_for(machine, name)?);
    }
    let shim = shipped(machine, Shipped::Libraries)?;
    // cargo leaves the number out
    for (name, built) in [
        ("librseq_shim.so", "librseq_shim.so"),
        ("librseq_abi.so.1", "librseq_abi.so"),
    ] {
        guest = guest.file(&format!("/lib/{name}"), &shim.join(built));
    }
    let programs = programs(machine)?;
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
fn programs(machine: Machine) -> Result<PathBuf, String> {
    type Folder = LazyLock<Result<PathBuf, String>>;
    static AARCH64: Folder = LazyLock::new(|| build_programs(Machine::Aarch64));
    static S390X: Folder = LazyLock::new(|| build_programs(Machine::S390x));
    match machine {
        Machine::X86_64 => Err("this machine's own architecture".to_owned()),
        Machine::Aarch64 => AARCH64.clone(),
        Machine::S390x => S390X.clone(),
    }
}

fn build_programs(machine: Machine) -> Result<PathBuf, String> {
    let folder = scratch::directory(machine.name())?;
    let [search, libraries] =
        [&folder, &shipped(machine, Shipped::Libraries)?].map(|it| format!("-L{}", it.display()));
    for (name, source, options) in built_there(machine) {
        let own = [&*search, &*libraries, "-Wl,-rpath,/p"].into_iter();
        let options: Vec<_> = own.chain(options.iter().copied()).collect();
        let source = format!("fixtures/{source}");
        compile_for(machine, &source, &options, &folder.join(name))?;
    }
    Ok(folder)
}
