//! Link flags of `librseq_shim.so`, and the library it is linked against.
//!
//! Cargo does not link one cdylib against another. The shim only needs to know
//! the name and the one symbol of `librseq_abi.so`, so this script compiles
//! that single source file once more, into a copy that nobody loads. Its SONAME
//! becomes the shim's DT_NEEDED: a path beside the shim, because a search
//! through RUNPATH costs twenty system calls at every start (glibc 2.36).
//!
//! In programs with privileges (AT_SECURE) the dynamic linker takes no `$ORIGIN`:
//! what /etc/ld.so.preload names is a copy without the need (`rseqctl enable`).

#![deny(unsafe_code)]

#[path = "../linker.rs"]
mod linker;

use std::env;
use std::path::PathBuf;
use std::process::Command;

use linker::variable;

const ABI_SOURCE: &str = "../abi/src/lib.rs";
/// How the dynamic linker finds it.
const ABI: &str = "$ORIGIN/librseq_abi.so.1";

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed={ABI_SOURCE}");
    println!("cargo::rerun-if-changed=../linker.rs");
    linker::lay_out_by("src/segments.ld");

    let link_time_copy = PathBuf::from(variable("OUT_DIR")).join("librseq_abi.so");
    let mut rustc = Command::new(variable("RUSTC"));
    rustc
        .args([
            "--edition=2024",
            "--crate-name=rseq_abi",
            "--crate-type=cdylib",
        ])
        .args(["-Cpanic=abort", "-Clink-arg=-nostdlib"])
        .arg(format!("-Clink-arg=-Wl,-soname,{ABI}"))
        .arg("--target")
        .arg(variable("TARGET"))
        .arg("-o")
        .arg(&link_time_copy)
        .arg(ABI_SOURCE);
    if let Ok(linker) = env::var("RUSTC_LINKER") {
        rustc.arg(format!("-Clinker={linker}"));
    }
    for option in linker::options() {
        rustc.arg(format!("-Clink-arg={option}"));
        println!("cargo::rustc-link-arg-cdylib={option}");
    }
    let status = rustc
        .status()
        .unwrap_or_else(|error| panic!("cannot start {rustc:?}: {error}"));
    assert!(status.success(), "{rustc:?} failed: {status}");

    for arg in [
        // Nothing but librseq_abi.so: libc symbols stay unversioned and bind to
        // whatever libc the process has.
        "-nostdlib",
        "-Wl,-soname,librseq_shim.so.1",
        // no lazy binding: a hook must not enter the dynamic linker
        "-Wl,-z,now",
        // threads that return into a hook must find it
        "-Wl,-z,nodelete",
        // before the constructors of every other library
        "-Wl,-z,initfirst",
        // core's unwind tables name a personality that nothing here can reach:
        // with panic=abort no frame of ours is ever unwound by Rust
        "-Wl,--defsym=rust_eh_personality=0",
    ] {
        println!("cargo::rustc-link-arg-cdylib={arg}");
    }
    // fit for shadow stacks: what is called returns to its caller, or jumps on. Not marked
    // for indirect branch tracking, which wants an `endbr64` at the start of every function
    // that a pointer leads to: stable Rust puts none.
    for feature in linker::features(true) {
        println!("cargo::rustc-link-arg-cdylib={feature}");
    }
    println!("cargo::rustc-link-arg-cdylib={}", link_time_copy.display());
}
