//! Link flags of `librseq_abi.so`.

#![deny(unsafe_code)]

#[path = "../linker.rs"]
mod linker;

use std::path::PathBuf;

use linker::variable;

/// How the linker lays the file out.
const SCRIPT: &str = "src/one-segment.ld";

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=../linker.rs");
    println!("cargo::rerun-if-changed={SCRIPT}");
    let script = PathBuf::from(variable("CARGO_MANIFEST_DIR")).join(SCRIPT);
    println!("cargo::rustc-link-arg-cdylib=-Wl,-T,{}", script.display());
    for option in linker::options() {
        println!("cargo::rustc-link-arg-cdylib={option}");
    }
    for arg in [
        // no start files and no libc: the library has no code
        "-nostdlib",
        // the number changes only if programs that are linked with it would break
        // (`tests/suites/authors/interface.rs`)
        "-Wl,-soname,librseq_abi.so.1",
        // rule: an object that defines __rseq_abi is never unloaded
        "-Wl,-z,nodelete",
        // nothing in it is called through, so there is nothing to make read-only; the
        // linker would fill up the page for that, which every start would have to clear
        "-Wl,-z,norelro",
        // no code, so nothing that shadow stacks or indirect branch tracking could
        // object to; a library that does not say so switches them off for all
        "-Wl,-z,shstk",
        "-Wl,-z,force-ibt",
    ] {
        println!("cargo::rustc-link-arg-cdylib={arg}");
    }
}
