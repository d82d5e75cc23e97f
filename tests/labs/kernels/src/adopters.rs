//! Programs of authors, for a machine of either architecture: with the header, with
//! `librseq_owner.a` and with the crate. All are static, so that the kernel alone differs.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rseq_kit::artifacts::{artifacts, room, workspace};
use rseq_kit::child::Program;
use rseq_kit::machine::Machine;
use rseq_kit::needs::program;
use rseq_kit::{release, scratch};

use crate::guest::Guest;
use crate::guest::cross::{Profile, built, cargo};

/// How long a build may take.
const LIMIT: Duration = Duration::from_secs(900);

/// What `rseq-owner.pc` has for static programs.
const WRAPPED: [&str; 2] = [
    "-Wl,--wrap=__pthread_create",
    "-Wl,--undefined=__pthread_create",
];

/// The crate for adopters.
const CRATE: &str = "rseq-abi";

/// Programs of `tests/authors`: name in the guest's `/p`, source, options, and whether the
/// archive is linked in.
const PROGRAMS: [(&str, &str, &[&str], bool); 5] = [
    ("refers", "ask.c", &["-static", "-DREGISTER"], false),
    (
        "defines",
        "ask.c",
        &["-static", "-DDEFINE", "-DREGISTER"],
        false,
    ),
    ("creates", "creates.c", &["-static"], true),
    (
        "owned",
        "owned.c",
        &["-static", WRAPPED[0], WRAPPED[1]],
        true,
    ),
    (
        "owned-pie",
        "owned.c",
        &["-static-pie", WRAPPED[0], WRAPPED[1]],
        true,
    ),
];

/// A machine with all of them, and with `counts`, the crate's example.
///
/// # Errors
///
/// Something does not build.
pub fn guest(machine: Machine) -> Result<Guest, String> {
    let folder = scratch::directory("adopters")?;
    let archive = archive(machine)?;
    let mut guest = Guest::new();
    for (name, source, options, is_owner) in PROGRAMS {
        let place = folder.join(name);
        let mut compiler = Program::with_callers_environment(program(machine.compiler())?)
            .args(["-O2", "-Wall", "-Wextra", "-Werror", "-pthread", "-I"])
            .arg(workspace().join("loader-shim/include"))
            .arg(room().join("authors").join(source));
        if is_owner {
            compiler = compiler.arg(&archive);
        }
        compiler
            .args(options)
            .arg("-o")
            .arg(&place)
            .run()?
            .expect(0)
            .map_err(|error| format!("{source} for {}: {error}", machine.name()))?;
        guest = guest.file(&format!("/p/{name}"), &place);
    }
    Ok(guest.file("/p/counts", &counts(machine, &folder)?))
}

/// The archive, as it is shipped.
fn archive(machine: Machine) -> Result<PathBuf, String> {
    if machine == Machine::X86_64 {
        return Ok(artifacts()?.owner.clone());
    }
    let folder = built(Profile::Release, &["rseq-owner"], LIMIT)?;
    let built = folder.join("librseq_owner_parts.a");
    let shipped = scratch::directory("archive")?.join("librseq_owner.a");
    let tool = |name: &str| format!("aarch64-linux-gnu-{name}");
    Program::with_callers_environment(workspace().join("loader-shim/owner/archive.sh"))
        .args([&built, &shipped])
        .env("LD", tool("ld"))
        .env("OBJCOPY", tool("objcopy"))
        .env("AR", tool("ar"))
        .run()?
        .expect(0)?;
    Ok(shipped)
}

/// The crate's example, in a package of its own, with the crate as it is published inside
/// it: the symbols of a crate elsewhere would have the place of the checkout in their names.
fn counts(machine: Machine, folder: &Path) -> Result<PathBuf, String> {
    let adopter = workspace().join("loader-shim/adopter");
    let target = machine.target();
    let packed = folder.join("packed");
    Program::with_callers_environment(program("cargo")?)
        .args(["package", "--quiet", "--no-verify", "--allow-dirty"])
        .args(["--offline", "-p", CRATE, "--target-dir"])
        .arg(&packed)
        .directory(&workspace())
        .run()?
        .expect(0)?;
    let file = format!("{CRATE}-{}.crate", env!("CARGO_PKG_VERSION"));
    let inside = folder.join(CRATE);
    fs::create_dir(&inside).map_err(|error| format!("{}: {error}", inside.display()))?;
    release::unpack(&packed.join("package").join(file), &inside)?;
    let manifest = "[package]\nname = \"counts\"\nedition = \"2024\"\n[workspace]\n\
                    [dependencies]\nrseq-abi = { path = \"rseq-abi\", features = [\"define\"] }\n";
    let copy = || {
        fs::create_dir_all(folder.join("src"))?;
        fs::write(folder.join("Cargo.toml"), manifest)?;
        fs::copy(
            adopter.join("examples/counts.rs"),
            folder.join("src/main.rs"),
        )
    };
    copy().map_err(|error| format!("{}: {error}", folder.display()))?;
    cargo(machine)
        .args(["build", "--quiet", "--offline", "--release"])
        .args(["--target", target, "--target-dir", "target"])
        .env("RUSTFLAGS", "-Ctarget-feature=+crt-static")
        .limit(LIMIT)
        .directory(folder)
        .run()?
        .expect(0)?;
    Ok(folder.join("target").join(target).join("release/counts"))
}
