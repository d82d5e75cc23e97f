//! Link flags of `librseq_abi.so`.

#![deny(unsafe_code)]

use std::env;
use std::path::PathBuf;
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    for option in linker() {
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

/// Options for a linker that takes what rustc says of a thread-local symbol: GNU ld for
/// AArch64 refuses it ("TLS definition mismatches non-TLS reference in symbols.o"), the
/// toolchain's own does not.
fn linker() -> Vec<String> {
    if variable("CARGO_CFG_TARGET_ARCH") != "aarch64" {
        return Vec::new();
    }
    let asked = Command::new(variable("RUSTC"))
        .args(["--print", "sysroot"])
        .output()
        .unwrap_or_else(|error| panic!("cannot ask rustc for its sysroot: {error}"));
    let sysroot = String::from_utf8_lossy(&asked.stdout);
    let place = PathBuf::from(sysroot.trim())
        .join("lib/rustlib")
        .join(variable("HOST"));
    let place = place.join("bin/gcc-ld");
    vec![format!("-B{}", place.display()), "-fuse-ld=lld".to_owned()]
}

fn variable(name: &str) -> String {
    env::var(name).unwrap_or_else(|error| panic!("cargo did not set {name}: {error}"))
}
