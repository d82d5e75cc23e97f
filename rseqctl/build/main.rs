//! Puts the two shared libraries into the executable: those that it is told of
//! (`RSEQCTL_EMBED=DIR cargo build -p rseqctl`), else those that it builds, if the
//! executable is optimised. Links the executable so that it starts on old systems as well,
//! if it is told to (`RSEQCTL_FLOOR=2.17`). Writes down what it was built from, which
//! `rseqctl --version` says (`RSEQCTL_COMMIT`).

#![forbid(unsafe_code)]

mod floor;
mod libraries;

use std::env;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

/// What `RSEQCTL_EMBED` says where nothing shall be built in.
const NOTHING: &str = "none";

/// Where a package says which commit it was made of.
const OF_THE_CHECKOUT: &str = ".cargo_vcs_info.json";

fn main() {
    println!("cargo::rerun-if-changed=build");
    let built_in = embed().unwrap_or_else(|| "beside rseqctl, or in ../lib from it".to_owned());
    say_origin(&built_in);
    if let Err(reason) = floor::link() {
        println!("cargo::warning=this rseqctl may not start on older systems: {reason}");
    }
}

/// What this is built from, for `--version`.
fn say_origin(built_in: &str) {
    println!("cargo::rerun-if-env-changed=RSEQCTL_COMMIT");
    let commit = env::var("RSEQCTL_COMMIT").ok().or_else(packaged_commit);
    let commit = commit.unwrap_or_else(|| "not recorded (not a release build)".to_owned());
    let architecture = env::var("CARGO_CFG_TARGET_ARCH").unwrap_or_default();
    println!("cargo::rustc-env=RSEQCTL_COMMIT_TEXT={commit}");
    println!("cargo::rustc-env=RSEQCTL_ARCHITECTURE={architecture}");
    println!("cargo::rustc-env=RSEQCTL_LIBRARIES_TEXT={built_in}");
}

/// The commit that cargo has written into a package, where it was made of one alone.
fn packaged_commit() -> Option<String> {
    let text = fs::read_to_string(OF_THE_CHECKOUT).ok()?;
    if text.contains("\"dirty\"") {
        return None;
    }
    let (_, rest) = text.split_once("\"sha1\": \"")?;
    let (commit, _) = rest.split_once('"')?;
    Some(commit.to_owned())
}

/// Builds the libraries in; answers what it built in.
fn embed() -> Option<String> {
    println!("cargo::rustc-check-cfg=cfg(embedded_libraries)");
    println!("cargo::rerun-if-env-changed=RSEQCTL_EMBED");
    let directory = match env::var_os("RSEQCTL_EMBED") {
        Some(value) if value == NOTHING => return None,
        Some(directory) => PathBuf::from(directory),
        None => built()?,
    };
    let mut text = "built in".to_owned();
    for (variable, name) in [
        ("RSEQCTL_EMBED_SHIM", "librseq_shim.so"),
        ("RSEQCTL_EMBED_ABI", "librseq_abi.so"),
    ] {
        let path = Path::new(&directory).join(name);
        let Ok(bytes) = fs::read(&path) else {
            panic!("RSEQCTL_EMBED: cannot read {}", path.display())
        };
        let _ = write!(text, ", {name} sha256 ");
        for byte in Sha256::digest(bytes) {
            let _ = write!(text, "{byte:02x}");
        }
        println!("cargo::rerun-if-changed={}", path.display());
        println!("cargo::rustc-env={variable}={}", path.display());
    }
    println!("cargo::rustc-cfg=embedded_libraries");
    Some(text)
}

/// Builds the libraries where the executable is one to be kept: an optimised one. Others
/// look beside themselves, where cargo puts what it builds.
fn built() -> Option<PathBuf> {
    let is_kept = env::var("PROFILE").is_ok_and(|profile| profile == "release");
    if !is_kept || !libraries::are_known() {
        return None;
    }
    match libraries::build() {
        Ok(folder) => Some(folder),
        Err(reason) => panic!(
            "cannot build the libraries: {reason}\n\
             set RSEQCTL_EMBED to a folder that has them, or to {NOTHING} for a command that \
             looks for them beside itself"
        ),
    }
}
