//! The release tarball: everything that a system needs, built once for every
//! glibc from 2.17 on, the same bytes from the same commit.

mod crates;
pub(crate) mod files;
pub(crate) mod layout;
mod licences;
mod linked;
mod pages;
mod sbom;
mod tarball;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::architecture::{self, Architecture};
use crate::standard_library;
use crate::step::Steps;
use files::{output, read, sha256};
use layout::VERSION;
use tarball::Tarball;

/// Cargo's profile, and the folder in the target folder that has its name.
const PROFILE: &str = "shipped";

/// The packages of the two libraries and the archive, which have no standard library.
pub(crate) const LIBRARIES: [&str; 3] = ["rseq-abi-library", "rseq-shim", "rseq-owner"];

/// Builds everything, makes the tarballs and tries them: of each architecture that this
/// machine can build for, or of the one that rustc calls `target`.
pub fn run(steps: &mut Steps, target: Option<&str>) -> Result<Vec<PathBuf>, String> {
    let mut made = Vec::new();
    for architecture in architecture::SHIPPED {
        if target.is_some_and(|target| target != architecture.target) {
            continue;
        }
        match architecture.missing() {
            Some(reason) if target.is_some() => return Err(reason),
            Some(reason) => steps.skip(&format!("tarball for {}", architecture.name), reason),
            None => made.push(one(steps, architecture)?),
        }
    }
    Ok(made)
}

fn one(steps: &mut Steps, architecture: &Architecture) -> Result<PathBuf, String> {
    build(steps, architecture)?;
    let built = architecture.built(steps, PROFILE);
    let path = make(steps, architecture, &built, &steps.target().join("dist"))?;
    try_it(steps, architecture, &path)?;
    say(&path)?;
    Ok(path)
}

/// The architecture that a tarball is for, by its name.
pub fn architecture_of(tarball: &Path) -> Option<&'static Architecture> {
    let name = tarball.file_name()?.to_str()?;
    let mut all = architecture::SHIPPED.into_iter();
    all.find(|it| name.ends_with(&ending(it)))
}

fn ending(architecture: &Architecture) -> String {
    format!("-{}-linux.tar.gz", architecture.name)
}

/// Makes the tarball of what was built before, for this machine or for `target`, and tries
/// nothing.
pub fn of_built(
    steps: &mut Steps,
    target: Option<&str>,
    built: &Path,
    to: &Path,
) -> Result<(), String> {
    let architecture = target.and_then(Architecture::of_target);
    let architecture = architecture.unwrap_or(&architecture::X86_64);
    say(&make(steps, architecture, built, to)?)
}

fn say(path: &Path) -> Result<(), String> {
    println!("{}", path.display());
    println!("sha256 {}", sha256(&read(path)?));
    Ok(())
}

/// Makes the tarball in the folder `to`, of what is in the folder `built`.
fn make(
    steps: &mut Steps,
    architecture: &Architecture,
    built: &Path,
    to: &Path,
) -> Result<PathBuf, String> {
    let name = format!("rseq-owner-{VERSION}-{}-linux", architecture.name);
    let path = to.join(format!("{name}.tar.gz"));
    let mut tarball = Tarball::new(&name, commit_time(steps.root())?);
    layout::fill(steps, architecture, built, &mut tarball)?;
    steps.own("make the tarball", || {
        tarball.checksums();
        fs::create_dir_all(to).map_err(|error| format!("{}: {error}", to.display()))?;
        tarball.write(&path)
    })?;
    Ok(path)
}

/// The libraries first, and then a rseqctl that has them built in.
fn build(steps: &mut Steps, architecture: &Architecture) -> Result<(), String> {
    // no path of the building machine in what is shipped
    let home = std::env::var("CARGO_HOME")
        .or_else(|_| std::env::var("HOME").map(|home| format!("{home}/.cargo")))
        .unwrap_or_default();
    let flags = format!(
        "--remap-path-prefix={}=/rseq-owner --remap-path-prefix={home}=/cargo {}",
        steps.root().display(),
        standard_library::named_alike()?
    );
    let embed = architecture.built(steps, PROFILE);
    let cargo = |steps: &Steps, packages: &[&str]| {
        let mut cargo = steps.cargo();
        cargo.args(["build", "--profile", PROFILE]).args(packages);
        cargo.env("RUSTFLAGS", &flags);
        architecture.build_for(&mut cargo);
        cargo
    };
    let packages = LIBRARIES.map(|name| ["-p", name]);
    let mut libraries = cargo(steps, packages.as_flattened());
    let title = |what: &str| format!("build {what} for {}", architecture.name);
    steps.run(&title("the libraries"), &mut libraries)?;
    let script = steps.root().join("loader-shim/owner/archive.sh");
    let mut archive = Command::new(script);
    archive.args(["librseq_owner_parts.a", "librseq_owner.a"].map(|name| embed.join(name)));
    steps.run("make the archive", architecture.binutils(&mut archive))?;
    let mut command = cargo(steps, &["-p", "rseqctl"]);
    command.env("RSEQCTL_EMBED", embed);
    command.env("RSEQCTL_COMMIT", commit(steps.root())?);
    steps.run(&title("rseqctl"), &mut command)
}

/// The tests of the floor, and every page for authors, with what is in the tarball; for
/// another architecture what can be asked in an emulator.
fn try_it(steps: &mut Steps, architecture: &Architecture, tarball: &Path) -> Result<(), String> {
    let artifacts = architecture.built(steps, PROFILE);
    if architecture.cross.is_some() {
        let mut test = steps.cargo();
        test.args([
            "test",
            "--quiet",
            "-p",
            "rseq-lab-kernels",
            "--test",
            "command",
        ])
        .env("RSEQ_AARCH64_ARTIFACTS", &artifacts)
        .env("RSEQ_AARCH64_TARBALL", tarball)
        // what cannot be tried is not shipped
        .env("RSEQ_TESTS_REQUIRE", "1");
        return steps.run("run it in an emulator", &mut test);
    }
    for (step, target) in [
        ("run it on an old glibc", "portable"),
        ("build programs with it", "authors"),
    ] {
        let mut test = steps.cargo();
        test.args(["test", "--quiet", "-p", "rseq-tests", "--test", target])
            .env("RSEQ_ARTIFACTS", &artifacts)
            .env("RSEQ_TARBALL", tarball);
        steps.run(step, &mut test)?;
    }
    Ok(())
}

/// The commit that is built, for `rseqctl --version`.
fn commit(root: &Path) -> Result<String, String> {
    let git = |arguments: &[&str]| output(Command::new("git").current_dir(root).args(arguments));
    let commit = git(&["rev-parse", "HEAD"])?.trim().to_owned();
    let is_clean = git(&["status", "--porcelain", "--untracked-files=no"])?.is_empty();
    Ok(if is_clean {
        commit
    } else {
        format!("{commit}, and changes")
    })
}

/// Seconds since 1970: `SOURCE_DATE_EPOCH`, else when HEAD was committed.
pub(crate) fn commit_time(root: &Path) -> Result<u64, String> {
    let text = if let Ok(text) = std::env::var("SOURCE_DATE_EPOCH") {
        text
    } else {
        let mut git = Command::new("git");
        output(git.current_dir(root).args(["log", "-1", "--format=%ct"]))?
    };
    let seconds = text.trim().parse();
    seconds.map_err(|_| format!("SOURCE_DATE_EPOCH: {text:?} is no number of seconds"))
}
