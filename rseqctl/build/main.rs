//! Puts the two shared libraries into the executable, if it is told where they
//! are (`RSEQCTL_EMBED=DIR cargo build -p rseqctl`), and links the executable so
//! that it starts on old systems as well, if it is told to (`RSEQCTL_FLOOR=2.17`). Writes
//! down what it was built from, which `rseqctl --version` says (`RSEQCTL_COMMIT`).

#![forbid(unsafe_code)]

mod floor;

use std::env;
use std::fmt::Write as _;
use std::path::Path;

use sha2::{Digest as _, Sha256};

fn main() {
    println!("cargo::rerun-if-changed=build");
    let libraries = embed().unwrap_or_else(|| "beside rseqctl, or in ../lib from it".to_owned());
    say_origin(&libraries);
    if let Err(reason) = floor::link() {
        println!("cargo::warning=this rseqctl may not start on older systems: {reason}");
    }
}

/// What this is built from, for `--version`.
fn say_origin(libraries: &str) {
    println!("cargo::rerun-if-env-changed=RSEQCTL_COMMIT");
    let commit = env::var("RSEQCTL_COMMIT");
    let commit = commit.unwrap_or_else(|_| "not recorded (not a release build)".to_owned());
    let architecture = env::var("CARGO_CFG_TARGET_ARCH").unwrap_or_default();
    println!("cargo::rustc-env=RSEQCTL_COMMIT_TEXT={commit}");
    println!("cargo::rustc-env=RSEQCTL_ARCHITECTURE={architecture}");
    println!("cargo::rustc-env=RSEQCTL_LIBRARIES_TEXT={libraries}");
}

/// Builds the libraries in, where it is told to; answers what it built in.
fn embed() -> Option<String> {
    println!("cargo::rustc-check-cfg=cfg(embedded_libraries)");
    println!("cargo::rerun-if-env-changed=RSEQCTL_EMBED");
    let directory = env::var_os("RSEQCTL_EMBED")?;
    let mut built_in = "built in".to_owned();
    for (variable, name) in [
        ("RSEQCTL_EMBED_SHIM", "librseq_shim.so"),
        ("RSEQCTL_EMBED_ABI", "librseq_abi.so"),
    ] {
        let path = Path::new(&directory).join(name);
        let Ok(bytes) = std::fs::read(&path) else {
            panic!("RSEQCTL_EMBED: cannot read {}", path.display())
        };
        let _ = write!(built_in, ", {name} sha256 ");
        for byte in Sha256::digest(bytes) {
            let _ = write!(built_in, "{byte:02x}");
        }
        println!("cargo::rerun-if-changed={}", path.display());
        println!("cargo::rustc-env={variable}={}", path.display());
    }
    println!("cargo::rustc-cfg=embedded_libraries");
    Some(built_in)
}
