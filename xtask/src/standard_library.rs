//! Rust's standard library for another architecture, from its sources: where rustup cannot
//! get it, as on a machine that does not reach its server.
//!
//! It is built as the compiler's own is and put where the compiler looks for it, so nothing
//! else has to know. What was built is kept by the compiler's version.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use sha2::{Digest, Sha256};

use crate::architecture::Architecture;
use crate::setup;
use crate::step::Steps;

/// What is built: all that programs, their tests and `panic=abort` need.
const CRATES: &str = "-Zbuild-std=std,panic_abort,panic_unwind,proc_macro,test";

/// A crate for whose sake the library is built.
const NAME: &str = "nothing";
const MANIFEST: &str = "[package]\nname = \"nothing\"\nversion = \"0.0.0\"\nedition = \"2021\"\n\
    [lib]\npath = \"nothing.rs\"\n[workspace]\n";

/// Builds it and puts it into the toolchain.
///
/// # Errors
///
/// The sources are not there, it does not build, or the toolchain cannot be written to.
pub fn from_source(steps: &mut Steps, architecture: &Architecture) -> Result<(), String> {
    let target = architecture.target;
    let compiler = Compiler::here()?;
    let sources = compiler.sources()?;
    let kept = setup::cache()?.join(format!("rust-std-{target}-{}", compiler.hash()));
    if !kept.is_dir() {
        let parent = kept.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(parent).map_err(|error| say(parent, &error))?;
        let work = tempfile::tempdir_in(parent).map_err(|error| say(parent, &error))?;
        build(steps, target, &sources, work.path())?;
        let built = work.path().join("built");
        // another one may have been faster
        if let Err(error) = fs::rename(&built, &kept)
            && !kept.is_dir()
        {
            return Err(say(&kept, &error));
        }
    }
    let to = compiler
        .sysroot
        .join("lib/rustlib")
        .join(target)
        .join("lib");
    fs::create_dir_all(&to).map_err(|error| say(&to, &error))?;
    for entry in fs::read_dir(&kept).map_err(|error| say(&kept, &error))? {
        let from = entry.map_err(|error| say(&kept, &error))?.path();
        let place = to.join(from.file_name().unwrap_or_default());
        fs::copy(&from, &place).map_err(|error| say(&place, &error))?;
    }
    println!(
        "Rust's standard library for {target} is in {}",
        to.display()
    );
    Ok(())
}

/// Returns the compiler's option that names the library's sources as it does where they are
/// not installed: what is shipped must not depend on that.
///
/// # Errors
///
/// The compiler cannot be asked.
pub fn named_alike() -> Result<String, String> {
    let compiler = Compiler::here()?;
    let commit = compiler
        .says("commit-hash")
        .ok_or("rustc -vV names no commit")?;
    let sources = compiler.sysroot.join(SOURCES);
    Ok(format!(
        "--remap-path-prefix={}=/rustc/{commit}",
        sources.display()
    ))
}

/// Where rustup puts the sources, below the sysroot.
const SOURCES: &str = "lib/rustlib/src/rust";

/// The compiler that this workspace is built with.
struct Compiler {
    /// What it says of itself.
    version: String,
    sysroot: PathBuf,
}

impl Compiler {
    fn here() -> Result<Self, String> {
        let said = |arguments: &[&str]| {
            let output = Command::new("rustc").args(arguments).output();
            let output = output.map_err(|error| format!("rustc: {error}"))?;
            Ok::<_, String>(String::from_utf8_lossy(&output.stdout).trim().to_owned())
        };
        Ok(Self {
            version: said(&["-vV"])?,
            sysroot: said(&["--print", "sysroot"])?.into(),
        })
    }

    /// What it says of itself under this word.
    fn says(&self, word: &str) -> Option<&str> {
        let mut said = self
            .version
            .lines()
            .filter_map(|line| line.split_once(": "));
        said.find_map(|(about, text)| (about == word).then_some(text))
    }

    /// The folder with the library's sources, of this very version.
    fn sources(&self) -> Result<PathBuf, String> {
        let release = self.says("release").unwrap_or_default();
        let places = [
            self.sysroot.join(SOURCES).join("library"),
            format!("/usr/src/rustc-{release}/library").into(),
        ];
        let found = places.iter().find(|place| place.join("std").is_dir());
        found.cloned().ok_or_else(|| {
            format!(
                "the sources of Rust's standard library {release} are neither in {} (rustup \
                 component add rust-src) nor in {} (Debian's package rust-src of that version)",
                places[0].display(),
                places[1].display()
            )
        })
    }

    fn hash(&self) -> String {
        let hash = Sha256::digest(&self.version);
        data_encoding::HEXLOWER.encode(&hash[..8])
    }
}

/// Builds it in the folder `work`, and leaves it in `built` there.
fn build(steps: &mut Steps, target: &str, sources: &Path, work: &Path) -> Result<(), String> {
    for (name, text) in [("Cargo.toml", MANIFEST), ("nothing.rs", "")] {
        let path = work.join(name);
        fs::write(&path, text).map_err(|error| say(&path, &error))?;
    }
    steps.run(
        &format!("build Rust's standard library for {target} (once)"),
        steps
            .cargo()
            .current_dir(work)
            .args(["build", "--release", "--quiet", "--target", target, CRATES])
            .arg("--target-dir")
            .arg(work.join("target"))
            // a released compiler builds its own library so, too
            .env("RUSTC_BOOTSTRAP", "1")
            .env("__CARGO_TESTS_ONLY_SRC_ROOT", sources)
            // for what is linked with LTO
            .env("RUSTFLAGS", "-Cembed-bitcode=yes"),
    )?;
    let built = work.join("built");
    fs::create_dir_all(&built).map_err(|error| say(&built, &error))?;
    let from = work.join("target").join(target).join("release/deps");
    for entry in fs::read_dir(&from).map_err(|error| say(&from, &error))? {
        let path = entry.map_err(|error| say(&from, &error))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let is_library = path.extension().is_some_and(|end| end == "rlib");
        // cargo builds this one for unwinding
        let is_ours = ["panic_abort", NAME]
            .iter()
            .any(|it| name.starts_with(&format!("lib{it}-")));
        if is_library && !is_ours {
            let to = built.join(&*name);
            fs::copy(&path, &to).map_err(|error| say(&to, &error))?;
        }
    }
    steps.run(
        "build panic_abort",
        Command::new("rustc")
            .args(["--edition=2024", "--crate-name", "panic_abort"])
            .args(["--crate-type", "lib", "--target", target])
            .args(["-Cpanic=abort", "-Copt-level=3", "-Cembed-bitcode=yes"])
            .args(["-Zforce-unstable-if-unmarked", "-Cmetadata=own"])
            .arg("-Cextra-filename=-own")
            .arg("--out-dir")
            .arg(&built)
            .arg("-L")
            .arg(&built)
            .arg(sources.join("panic_abort/src/lib.rs"))
            .env("RUSTC_BOOTSTRAP", "1"),
    )
}

fn say(path: &Path, error: &io::Error) -> String {
    format!("{}: {error}", path.display())
}
