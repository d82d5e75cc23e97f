//! Real users of rseq on AArch64: machines with TCMalloc's program and with workerd, and one
//! with Java.

use std::path::{Path, PathBuf};

use rseq_kit::artifacts::room;
use rseq_kit::child::Program;
use rseq_kit::machine::Machine;
use rseq_kit::needs;
use rseq_kit::scratch;
use rseq_lab_clients::tcmalloc::{self, Linked};
use rseq_lab_clients::workerd;

use crate::guest::Guest;
use crate::programs;

/// How TCMalloc is linked.
pub const WAYS: [Linked; 3] = [Linked::Hidden, Linked::Exported, Linked::Shared];

/// What workerd serves from.
pub const WORKERD: [&str; 4] = [
    "/usr/bin/workerd",
    "serve",
    "--control-fd=1",
    "/etc/workerd.capnp",
];

/// Without an authority for certificates workerd does not start.
pub const AUTHORITY: &str = "SSL_CERT_FILE=/etc/authority";

/// The release of what is not built here.
const RELEASE: &str = "bookworm";

/// In MiB: workerd alone has 165, as packed and as unpacked.
const MEMORY: u32 = 1536;

/// Java, below `/`.
const JAVA: &str = "usr/lib/jvm/java-17-openjdk-arm64";
const JAVA_PACKAGE: &str = "openjdk-17-jre-headless";

/// Where it finds its program.
pub const CLASSES: &str = "/p/classes";

/// Where a program of TCMalloc's is.
#[must_use]
pub fn place(linked: Linked) -> String {
    format!("/p/tcmalloc/{}", linked.name())
}

/// A machine with Debian's libraries, the command, TCMalloc's program and workerd.
///
/// # Errors
///
/// Something does not build, or cannot be had.
pub fn guest() -> Result<Guest, String> {
    let folder = tcmalloc::for_aarch64()?;
    let mut guest = programs::guest()?.memory(MEMORY);
    for linked in WAYS {
        guest = guest.file(&place(linked), &folder.join(linked.name()));
    }
    let library = tcmalloc::LIBRARY;
    let authorities = Machine::Aarch64
        .suite(RELEASE)?
        .root(&["ca-certificates"])?;
    let authority = authorities.join("usr/share/ca-certificates/mozilla/ISRG_Root_X1.crt");
    let config = room().join("kernels/workerd.capnp");
    Ok(guest
        .file(&format!("/p/tcmalloc/{library}"), &folder.join(library))
        .file(WORKERD[0], &workerd::for_aarch64()?)
        .file("/etc/workerd.capnp", &config)
        .file("/etc/authority", &authority))
}

/// The path of Java in a machine.
#[must_use]
pub fn java() -> String {
    format!("/{JAVA}/bin/java")
}

/// A machine with Debian's libraries, the command, Java and a program for it.
///
/// # Errors
///
/// Something does not build, or cannot be had.
pub fn guest_with_java() -> Result<Guest, String> {
    let root = Machine::Aarch64.suite(RELEASE)?.root(&[JAVA_PACKAGE])?;
    let guest = programs::tree(programs::guest()?, &root, JAVA)?;
    // its folder has links into this one, from the root
    let guest = programs::tree(guest, &root, "etc/java-17-openjdk")?;
    let class = "Threads.class";
    Ok(guest
        .memory(MEMORY)
        .file(&format!("{CLASSES}/{class}"), &classes()?.join(class)))
}

/// The folder with the program's class.
fn classes() -> Result<PathBuf, String> {
    let folder = scratch::directory("classes")?;
    let source: &Path = &room().join("kernels/Threads.java");
    Program::with_callers_environment(needs::program("javac")?)
        .args(["--release", "17", "-d"])
        .args([&folder, source])
        .run()?
        .expect(0)?;
    Ok(folder)
}
