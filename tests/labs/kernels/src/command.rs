//! The command on AArch64: a machine with `rseqctl`, programs for each glibc that it
//! may meet, and what a 32-bit program needs.

use std::env;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use rseq_kit::debian::Suite;
use rseq_kit::{release, scratch};

use crate::aarch64::{self, Shipped};
use crate::guest::cross::{compile, library_in};
use crate::guest::{Command, Guest};

/// The glibcs, and the Debian releases that have them.
pub const GLIBCS: [(&str, &str); 3] = [("2.36", "bookworm"), ("2.41", "trixie"), ("2.43", "forky")];

/// What runs with each: name, source below `tests`, options.
const DYNAMIC: [(&str, &str, &[&str]); 3] = [
    ("idle", "fixtures/idle.c", &[]),
    (
        "exports",
        "fixtures/addresses.c",
        &["-DADOPT", "-Wl,--export-dynamic-symbol=__rseq_abi"],
    ),
    ("client", "kernels/client.c", &[]),
];

/// What needs none of them.
const STATIC: [(&str, &str, &[&str]); 3] = [
    ("beside", "kernels/beside.c", &[]),
    ("idle-static", "fixtures/idle.c", &[]),
    ("idle-stripped", "fixtures/idle.c", &["-s"]),
];

/// The shim, for a program alone.
pub const SHIM: &str = "LD_PRELOAD=/rseq/librseq_shim.so";

/// Asks the doctor, with patience for an emulator.
pub const DOCTOR: [&str; 7] = [
    "doctor",
    "--format",
    "ndjson",
    "--fail-on",
    "never",
    "--seconds",
    "60",
];

/// Where the command is.
pub const COMMAND: &str = "/rseq/rseqctl";

/// The command where it has to put a copy of the libraries elsewhere: alone, with those
/// that are built into it, where `RSEQ_AARCH64_TARBALL` names a tarball; else the same as
/// above, in a folder that `LD_PRELOAD` cannot name.
pub const COPIES: &str = "/no place for it/rseqctl";

/// A 32-bit program that waits, and how it is started.
pub const NARROW: [&str; 5] = [
    "/armhf/ld-linux-armhf.so.3",
    "--library-path",
    "/armhf",
    "/armhf/sleep",
    "1000",
];

/// A machine with all that.
///
/// # Errors
///
/// Something does not build, or cannot be had.
pub fn guest() -> Result<Guest, String> {
    let shipped = aarch64::shipped(Shipped::All)?;
    let mut guest = with_command(aarch64::guest()?, &shipped);
    if let Some(tarball) = env::var_os("RSEQ_AARCH64_TARBALL") {
        let folder = scratch::directory("tarball")?;
        release::unpack(tarball.as_ref(), &folder)?;
        guest = guest.file(COPIES, &folder.join("bin/rseqctl"));
    } else {
        for (place, built) in FILES {
            let copies = Path::new(COPIES).with_file_name(place);
            guest = guest.file(&copies.display().to_string(), &shipped.join(built));
        }
    }
    for (_, release) in GLIBCS {
        let root = Suite::open_for(release, "arm64")?.root(&["libc6", "libgcc-s1"])?;
        for name in ["ld-linux-aarch64.so.1", "libc.so.6", "libgcc_s.so.1"] {
            let file = library_in(&root, "aarch64-linux-gnu", name)?;
            guest = guest.file(&format!("/glibc/{release}/{name}"), &file);
        }
    }
    // `enable` tries its copy with a shell
    let shell = Suite::open_for("bookworm", "arm64")?.root(&["dash"])?;
    guest = guest.file("/bin/sh", &shell.join("bin/dash"));
    let narrow = Suite::open_for("bookworm", "armhf")?.root(&["libc6", "coreutils"])?;
    for name in ["ld-linux-armhf.so.3", "libc.so.6"] {
        let file = library_in(&narrow, "arm-linux-gnueabihf", name)?;
        guest = guest.file(&format!("/armhf/{name}"), &file);
    }
    guest = guest.file("/armhf/sleep", &narrow.join("bin/sleep"));
    let programs = programs()?;
    let dynamic = GLIBCS.iter().flat_map(|(_, release)| {
        let names = DYNAMIC.iter().map(|(name, ..)| *name);
        names.map(move |name| format!("{name}-{release}"))
    });
    let fixed = STATIC.iter().map(|(name, ..)| (*name).to_owned());
    for name in dynamic.chain(fixed) {
        guest = guest.file(&format!("/p/{name}"), &programs.join(&name));
    }
    Ok(guest)
}

/// The command and both libraries, by their names and as cargo calls them.
const FILES: [(&str, &str); 3] = [
    ("rseqctl", "rseqctl"),
    ("librseq_shim.so", "librseq_shim.so"),
    ("librseq_abi.so.1", "librseq_abi.so"),
];

/// Adds the command and both libraries, of the folder `shipped`.
#[must_use]
pub fn with_command(mut guest: Guest, shipped: &Path) -> Guest {
    for (place, built) in FILES {
        guest = guest.file(&format!("/rseq/{place}"), &shipped.join(built));
    }
    guest
}

/// One of the programs that need no C library.
///
/// # Errors
///
/// They do not build.
pub fn program(name: &str) -> Result<PathBuf, String> {
    programs().map(|folder| folder.join(name))
}

/// The command with these arguments.
#[must_use]
pub fn rseqctl<'a>(arguments: impl IntoIterator<Item = &'a str>) -> Command {
    Command::new(COMMAND).args(arguments)
}

/// `rseqctl ps` of a program, which is started with these variables and waits meanwhile;
/// one whose path begins with "@" says nothing of it, and one with "+" anything.
#[must_use]
pub fn look<'a>(variables: &[String], started: impl IntoIterator<Item = &'a str>) -> Command {
    beside(
        variables,
        started,
        &[COMMAND, "ps", "--format", "ndjson", "PID"],
    )
}

/// Another program beside one that is started so.
#[must_use]
pub fn beside<'a>(
    variables: &[String],
    started: impl IntoIterator<Item = &'a str>,
    observer: &[&str],
) -> Command {
    Command::new("/p/beside")
        .args(variables)
        .args(started)
        .args(["--"])
        .args(observer)
}

/// The folder with the programs.
fn programs() -> Result<PathBuf, String> {
    static FOLDER: LazyLock<Result<PathBuf, String>> = LazyLock::new(|| {
        let folder = scratch::directory("aarch64-command")?;
        for (name, source, options) in DYNAMIC {
            for (_, release) in GLIBCS {
                let linker = format!("/glibc/{release}/ld-linux-aarch64.so.1");
                let linker = format!("-Wl,--dynamic-linker={linker}");
                let search = format!("-Wl,-rpath,/glibc/{release}");
                let options: Vec<_> = options.iter().copied().chain([&*linker, &search]).collect();
                compile(source, &options, &folder.join(format!("{name}-{release}")))?;
            }
        }
        for (name, source, options) in STATIC {
            let options: Vec<_> = options.iter().copied().chain(["-static"]).collect();
            compile(source, &options, &folder.join(name))?;
        }
        Ok(folder)
    });
    FOLDER.clone()
}
