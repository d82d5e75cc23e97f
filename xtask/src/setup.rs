//! What the tests need and a machine may not have.
//!
//! Installed from the system's packages where we may; what cannot be installed
//! is skipped by the tests themselves, by name and reason.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::step::Steps;

/// Programs, and the Debian packages that bring them.
const PROGRAMS: [(&str, &str); 40] = [
    ("chromium", "chromium"),
    ("script", "bsdutils"),
    ("c++", "g++"),
    ("readelf", "binutils"),
    ("clang", "clang"),
    ("ld.lld", "lld"),
    ("mold", "mold"),
    ("musl-gcc", "musl-tools"),
    ("pkg-config", "pkgconf"),
    ("eu-readelf", "elfutils"),
    ("llvm-readelf", "llvm"),
    ("aarch64-linux-gnu-gcc", "gcc-aarch64-linux-gnu"),
    ("s390x-linux-gnu-gcc", "gcc-s390x-linux-gnu"),
    ("clang-19", "clang-19"),
    ("ld.lld-19", "lld-19"),
    ("umoci", "umoci"),
    ("skopeo", "skopeo"),
    ("bzip2", "bzip2"),
    ("cpio", "cpio"),
    ("mmdebstrap", "mmdebstrap"),
    ("abidiff", "abigail-tools"),
    ("cmake", "cmake"),
    ("meson", "meson"),
    ("rpmbuild", "rpm"),
    ("lintian", "lintian"),
    ("unzip", "unzip"),
    ("zip", "zip"),
    ("zstd", "zstd"),
    ("python3", "python3"),
    ("npm", "npm"),
    ("xz", "xz-utils"),
    ("qemu-system-x86_64", "qemu-system-x86"),
    ("systemd-analyze", "systemd"),
    ("make", "make"),
    ("bison", "bison"),
    ("gawk", "gawk"),
    ("m4", "m4"),
    ("patch", "patch"),
    ("dpkg-source", "dpkg-dev"),
    ("gcc", "gcc"),
];

/// Those of them that build a glibc and ask it.
const FOR_GLIBC: [&str; 8] = [
    "python3",
    "make",
    "bison",
    "gawk",
    "m4",
    "patch",
    "dpkg-source",
    "gcc",
];

/// The compilers that build one for other architectures.
const FOR_OTHERS: [(&str, &str); 3] = [
    ("aarch64-linux-gnu-gcc", "gcc-aarch64-linux-gnu"),
    ("i686-linux-gnu-gcc", "gcc-i686-linux-gnu"),
    ("s390x-linux-gnu-gcc", "gcc-s390x-linux-gnu"),
];

/// Installs what it takes to build a glibc for other architectures, besides
/// [`glibc`].
pub fn other_compilers(steps: &mut Steps) {
    install(steps, &FOR_OTHERS);
}

/// Installs what it takes to build a glibc.
pub fn glibc(steps: &mut Steps) {
    let mut needed = PROGRAMS.to_vec();
    needed.retain(|(program, _)| FOR_GLIBC.contains(program));
    install(steps, &needed);
}

/// Installs what the tests need and the machine does not have.
pub fn programs(steps: &mut Steps) {
    install(steps, &PROGRAMS);
}

/// Installs what is missing: a program in the path or the path of a file, and its package.
pub fn install(steps: &mut Steps, programs: &[(&str, &str)]) {
    let mut missing: Vec<_> = programs
        .iter()
        .filter(|(name, _)| !is_there(name))
        .map(|(_, package)| *package)
        .collect();
    missing.dedup();
    packages(steps, &missing);
}

/// Installs packages, if this is a Debian where we are root.
pub fn packages(steps: &mut Steps, packages: &[&str]) {
    if packages.is_empty() {
        return;
    }
    let is_root = Command::new("id")
        .arg("-u")
        .output()
        .is_ok_and(|output| output.stdout == b"0\n");
    if !is_root || !is_in_path("apt-get") {
        steps.skip(
            "set-up",
            format!(
                "needs apt-get and root: `apt-get install {}`; what uses them is skipped",
                packages.join(" ")
            ),
        );
        return;
    }
    let _ = steps.run(
        "apt-get update",
        Command::new("apt-get").args(["-qq", "update"]),
    );
    if install_packages(steps, packages).is_ok() {
        return;
    }
    // one that this release does not have must not keep the others out
    for package in packages {
        if let Err(reason) = install_packages(steps, &[package]) {
            steps.skip(
                "set-up",
                format!("{reason}; what uses {package} is skipped"),
            );
        }
    }
}

fn install_packages(steps: &mut Steps, packages: &[&str]) -> Result<(), String> {
    steps.run(
        &format!("install {}", packages.join(", ")),
        Command::new("apt-get")
            .args(["-qq", "install", "--yes", "--no-install-recommends"])
            // somebody else may be installing something
            .args(["-o", "DPkg::Lock::Timeout=600"])
            .args(packages)
            .env("DEBIAN_FRONTEND", "noninteractive")
            .stdin(Stdio::null()),
    )
}

/// cargo-deny, built once per version and kept outside the checkout.
pub fn cargo_deny(steps: &mut Steps) -> Result<PathBuf, String> {
    tool(steps, "cargo-deny", "0.20.2")
}

/// cargo-mutants, likewise.
pub fn cargo_mutants(steps: &mut Steps) -> Result<PathBuf, String> {
    tool(steps, "cargo-mutants", "27.1.0")
}

/// cargo-llvm-cov, likewise.
pub fn cargo_llvm_cov(steps: &mut Steps) -> Result<PathBuf, String> {
    tool(steps, "cargo-llvm-cov", "0.6.24")
}

/// cargo-fuzz, likewise.
pub fn cargo_fuzz(steps: &mut Steps) -> Result<PathBuf, String> {
    tool(steps, "cargo-fuzz", "0.13.2")
}

/// mdBook, likewise, without the parts that serve and watch.
pub fn mdbook(steps: &mut Steps) -> Result<PathBuf, String> {
    let parts = ["--no-default-features", "--features", "search"];
    tool_with(steps, "mdbook", "0.5.4", &parts)
}

fn tool(steps: &mut Steps, name: &str, version: &str) -> Result<PathBuf, String> {
    tool_with(steps, name, version, &[])
}

/// Installs a tool with these parts. It is not optimised: it works for a second at a time,
/// and optimising it takes minutes.
fn tool_with(
    steps: &mut Steps,
    name: &str,
    version: &str,
    parts: &[&str],
) -> Result<PathBuf, String> {
    let home = cache()?.join(format!("{name}-{version}"));
    let program = home.join("bin").join(name);
    if !program.is_file() {
        steps.run(
            &format!("install {name} (once)"),
            steps
                .cargo()
                .args(["install", "--quiet", "--locked", name])
                .args(["--version", version])
                .args(parts)
                .arg("--root")
                .arg(&home)
                .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "0"),
        )?;
    }
    Ok(program)
}

/// Where downloads and long builds are kept: `RSEQ_CACHE`, or a folder of the
/// user's cache.
pub fn cache() -> Result<PathBuf, String> {
    env::var_os("RSEQ_CACHE")
        .map(PathBuf::from)
        .or_else(|| env::var_os("XDG_CACHE_HOME").map(|cache| Path::new(&cache).join("rseq-owner")))
        .or_else(|| env::var_os("HOME").map(|home| Path::new(&home).join(".cache/rseq-owner")))
        .ok_or_else(|| "neither RSEQ_CACHE, XDG_CACHE_HOME nor HOME is set".to_owned())
}

/// Whether a file is there, or a program in the path.
fn is_there(name: &str) -> bool {
    if name.starts_with('/') {
        Path::new(name).exists()
    } else {
        is_in_path(name)
    }
}

/// Whether a program is in the path.
pub fn is_in_path(program: &str) -> bool {
    env::var_os("PATH")
        .is_some_and(|path| env::split_paths(&path).any(|folder| folder.join(program).is_file()))
}
