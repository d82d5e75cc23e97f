//! The crates that can be published: packaged as for crates.io and built from what is in
//! the package alone, by the oldest compiler that they promise, and documented as their
//! users see them.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;

use rseq_kit::artifacts::{artifacts, kept_target, workspace};
use rseq_kit::child::Program;
use rseq_kit::needs::{Asked, Need, Tool, program};
use rseq_kit::runner::Outcome;
use rseq_kit::scratch;

use crate::emulated;
use crate::installed::adopter;

/// In the order in which they need each other.
const CRATES: [&str; 3] = ["tls-model", "rseq-code", "rseq-abi"];

/// Their `rust-version`.
const OLDEST: &str = "1.88";
const OLDEST_TOOLCHAIN: &str = "1.88.0";

const AARCH64: &str = "aarch64-unknown-linux-gnu";
const AARCH64_COMPILER: &str = "aarch64-linux-gnu-gcc";

const TARGET: Need = Need::new(&Asked("Rust for AArch64", has_target));
const CARGO: Need = Need::new(&Tool("cargo"));
const REGISTRY: Need = Need::new(&Asked("crates.io", has_registry));
const OLD_COMPILER: Need = Need::new(&Asked("Rust 1.88", || {
    toolchain(OLDEST_TOOLCHAIN).map(drop)
}));
/// Whether cargo can ask the registry; as a name that every registry has.
fn has_registry() -> Result<(), String> {
    let asked = Program::with_callers_environment(program("cargo")?)
        .args(["info", "--quiet", "--registry", "crates-io", "libc"])
        .directory(&std::env::temp_dir())
        .limit(Duration::from_secs(60))
        .run()?;
    match asked.code() {
        0 => Ok(()),
        _ => Err("needs crates.io, which cargo cannot ask".to_owned()),
    }
}

/// The cargo of a toolchain.
fn toolchain(name: &str) -> Result<PathBuf, String> {
    let found = Program::with_callers_environment(program("rustup")?)
        .args(["which", "--toolchain", name, "cargo"])
        .run()?;
    let path = PathBuf::from(found.out.trim());
    if found.code() == 0 && path.is_file() {
        Ok(path)
    } else {
        Err(format!(
            "needs the toolchain {name} (rustup toolchain install {name})"
        ))
    }
}

/// Whether programs for AArch64 can be compiled.
fn has_target() -> Result<(), String> {
    let asked = Program::with_callers_environment(program("rustc")?)
        .args(["--print", "target-libdir", "--target", AARCH64])
        .run()?;
    let has = asked.code() == 0 && PathBuf::from(asked.out.trim()).is_dir();
    if has {
        Ok(())
    } else {
        Err(format!("needs rustup target add {AARCH64}"))
    }
}

/// Cargo in the workspace, with a target folder of its own, which is kept.
fn cargo(words: &[&str]) -> Result<Program, String> {
    let target = kept_target("authors")?;
    Ok(Program::with_callers_environment(program("cargo")?)
        .args(words)
        .arg("--target-dir")
        .arg(&target)
        .directory(&workspace())
        .limit(Duration::from_secs(600)))
}

fn each() -> impl Iterator<Item = &'static str> {
    CRATES.iter().flat_map(|name| ["-p", name])
}

/// What would go to crates.io, without it: built from the packages alone.
#[rseq_kit::test(Need::X86_64, CARGO)]
fn packages() -> Outcome {
    cargo(&["package", "--quiet", "--offline", "--allow-dirty"])?
        .args(each())
        .run()?
        .expect(0)?;
    Ok(())
}

/// And crates.io would take it, and the command, which the suite `packaged` installs.
#[rseq_kit::test(Need::X86_64, CARGO, REGISTRY)]
fn would_be_published() -> Outcome {
    let dry = ["publish", "--dry-run", "--no-verify", "--allow-dirty"];
    let done = cargo(&dry)?
        .args(each().chain(["-p", "rseqctl"]))
        .run()?
        .expect(0)?;
    for name in CRATES.into_iter().chain(["rseqctl"]) {
        assert!(
            done.err.contains(&format!("Uploading {name} ")),
            "{}",
            done.err
        );
    }
    Ok(())
}

/// The compiler that `rust-version` names builds them, whatever is switched on.
#[rseq_kit::test(Need::X86_64, CARGO, OLD_COMPILER)]
fn oldest_compiler() -> Outcome {
    let manifest = fs::read_to_string(workspace().join("Cargo.toml"))?;
    assert!(manifest.contains(&format!("rust-version = \"{OLDEST}\"")));
    let target = kept_target("oldest")?;
    Program::with_callers_environment(program("rustup")?)
        .args([
            "run",
            OLDEST_TOOLCHAIN,
            "cargo",
            "check",
            "--quiet",
            "--offline",
        ])
        .args(["--all-features", "--examples"])
        .args(each())
        .arg("--target-dir")
        .arg(&target)
        .directory(&workspace())
        .limit(Duration::from_secs(600))
        .run()?
        .expect(0)?;
    Ok(())
}

/// Documented without private items, as docs.rs does, and without a warning.
#[rseq_kit::test(Need::X86_64, CARGO)]
fn documented() -> Outcome {
    cargo(&["doc", "--quiet", "--offline", "--no-deps", "--all-features"])?
        .args(each())
        .env("RUSTDOCFLAGS", "-D warnings")
        .run()?
        .expect(0)?;
    Ok(())
}

/// For AArch64 the crate is compiled and linked, its critical sections are such as its
/// kernels take, and without a registration nothing is lost.
#[rseq_kit::test(
    Need::X86_64,
    CARGO,
    TARGET,
    Need::of(Tool(AARCH64_COMPILER)),
    emulated::need()
)]
fn for_aarch64() -> Outcome {
    let folder = scratch::directory("aarch64")?;
    let adopter = adopter()?;
    let manifest = format!(
        "[package]\nname = \"counts\"\nedition = \"2024\"\n[workspace]\n[dependencies]\n\
         rseq-abi = {{ path = \"{}\", features = [\"define\"] }}\n",
        adopter.display()
    );
    fs::create_dir(folder.join("src"))?;
    fs::write(folder.join("Cargo.toml"), manifest)?;
    fs::copy(
        adopter.join("examples/counts.rs"),
        folder.join("src/main.rs"),
    )?;
    Program::with_callers_environment(program("cargo")?)
        .args(["build", "--quiet", "--offline", "--target", AARCH64])
        .args(["--target-dir", "target"])
        .env("RUSTFLAGS", "-Ctarget-feature=+crt-static")
        .env(
            "CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER",
            AARCH64_COMPILER,
        )
        .directory(&folder)
        .limit(Duration::from_secs(300))
        .run()?
        .expect(0)?;
    let binary = folder.join("target").join(AARCH64).join("debug/counts");

    let audited = Program::new(&artifacts()?.rseqctl)
        .args(["audit", "--format", "json", "--fail-on", "never"])
        .arg(&binary)
        .run()?
        .expect(0)?;
    let audited: Value = serde_json::from_str(&audited.out)?;
    let row = &audited["objects"][0];
    // add, push and pop
    assert_eq!(row["critical_sections"], 3, "{row}");
    let rules: Vec<_> = row["findings"].as_array().into_iter().flatten().collect();
    let rules: Vec<_> = rules.iter().map(|it| &it["rule"]).collect();
    assert_eq!(
        rules,
        ["hidden-definer"],
        "nothing is wrong with them: {row}"
    );

    let done = emulated::program(&binary)?
        .limit(Duration::from_secs(120))
        .run()?
        .expect(0)?;
    assert_eq!(
        done.out,
        "registered false\ncounted 400000 of 400000\nused 400000 of 400000\n"
    );
    Ok(())
}
