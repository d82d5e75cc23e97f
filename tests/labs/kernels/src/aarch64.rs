//! The shim on AArch64: built here for that architecture, with the cross compiler's C
//! library beside it.

use std::env;
use std::path::PathBuf;
use std::sync::LazyLock;
use std::time::Duration;

use rseq_kit::scratch;

use crate::guest::Guest;
use crate::guest::cross::{Profile, built, compile, library};

/// What is in the guest's `/lib`, besides the shim: the C library, and what unwinds.
const LIBRARIES: [&str; 5] = [
    "ld-linux-aarch64.so.1",
    "libc.so.6",
    "libpthread.so.0",
    "libdl.so.2",
    "libgcc_s.so.1",
];

/// Programs of `tests/fixtures`: name in the guest's `/p`, source, options.
const PROGRAMS: [(&str, &str, &[&str]); 23] = [
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
];

/// A machine with the C library, the shim and the programs.
///
/// # Errors
///
/// Something does not build.
pub fn guest() -> Result<Guest, String> {
    let mut guest = Guest::new();
    for name in LIBRARIES {
        guest = guest.file(&format!("/lib/{name}"), &library(name)?);
    }
    let shim = shipped(Shipped::Libraries)?;
    // cargo leaves the number out
    for (name, built) in [
        ("librseq_shim.so", "librseq_shim.so"),
        ("librseq_abi.so.1", "librseq_abi.so"),
    ] {
        guest = guest.file(&format!("/lib/{name}"), &shim.join(built));
    }
    let programs = programs()?;
    for (name, _, _) in PROGRAMS {
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

/// A folder with what is shipped, where that is built already.
const ARTIFACTS: &str = "RSEQ_AARCH64_ARTIFACTS";

/// The folder with what is shipped, built as it is shipped.
///
/// # Errors
///
/// It does not build.
pub fn shipped(what: Shipped) -> Result<PathBuf, String> {
    if let Some(folder) = env::var_os(ARTIFACTS) {
        return Ok(PathBuf::from(folder));
    }
    let mut packages = vec!["rseq-shim", "rseq-abi-library"];
    if what == Shipped::All {
        packages.push("rseqctl");
    }
    built(Profile::Release, &packages, Duration::from_secs(1800))
}

/// The folder with the programs.
fn programs() -> Result<PathBuf, String> {
    static FOLDER: LazyLock<Result<PathBuf, String>> = LazyLock::new(|| {
        let folder = scratch::directory("aarch64")?;
        for (name, source, options) in PROGRAMS {
            let search = format!("-L{}", folder.display());
            let own = [&*search, "-Wl,-rpath,/p"].into_iter();
            let options: Vec<_> = own.chain(options.iter().copied()).collect();
            compile(&format!("fixtures/{source}"), &options, &folder.join(name))?;
        }
        Ok(folder)
    });
    FOLDER.clone()
}
