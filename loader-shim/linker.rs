//! What the build scripts of both libraries ask of cargo and of the linker.

use std::env;
use std::path::PathBuf;
use std::process::Command;

/// Options for a linker that takes what rustc says of a thread-local symbol: GNU ld for
/// AArch64 and s390x refuses it ("TLS definition mismatches non-TLS reference in
/// symbols.o"), the toolchain's own does not.
pub fn options() -> Vec<String> {
    if variable("CARGO_CFG_TARGET_ARCH") == "x86_64" {
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

/// Options that say of x86-64 code that it is fit for shadow stacks, and where the library
/// has no code, for indirect branch tracking. Elsewhere they would mark other features: bits
/// of one word, which lld sets for whatever machine.
pub fn features(has_code: bool) -> &'static [&'static str] {
    match (&*variable("CARGO_CFG_TARGET_ARCH"), has_code) {
        ("x86_64", true) => &["-Wl,-z,shstk"],
        ("x86_64", false) => &["-Wl,-z,shstk", "-Wl,-z,force-ibt"],
        _ => &[],
    }
}

/// Tells cargo to link by the script at this path of the package.
pub fn lay_out_by(script: &str) {
    println!("cargo::rerun-if-changed={script}");
    let path = PathBuf::from(variable("CARGO_MANIFEST_DIR")).join(script);
    println!("cargo::rustc-link-arg-cdylib=-Wl,-T,{}", path.display());
}

/// Returns a variable that cargo sets.
pub fn variable(name: &str) -> String {
    env::var(name).unwrap_or_else(|error| panic!("cargo did not set {name}: {error}"))
}
