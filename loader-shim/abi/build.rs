//! Link flags of `librseq_abi.so`.

#![deny(unsafe_code)]

#[path = "../linker.rs"]
mod linker;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=../linker.rs");
    linker::lay_out_by("src/one-segment.ld");
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
    ] {
        println!("cargo::rustc-link-arg-cdylib={arg}");
    }
    // no code, so nothing that shadow stacks or indirect branch tracking could object to; a
    // library that does not say so switches them off for all
    for feature in linker::features(false) {
        println!("cargo::rustc-link-arg-cdylib={feature}");
    }
}
