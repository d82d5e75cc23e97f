//! `cargo install`: from the package that crates.io would get, into an empty root, with
//! nothing beside it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use rseq_kit::artifacts::{self, workspace};
use rseq_kit::child::{Finished, Program};
use rseq_kit::needs::{Need, Tool, program};
use rseq_kit::runner::Outcome;
use rseq_kit::{release, scratch};

const NEEDS: [Need; 4] = [
    Need::X86_64,
    Need::CC,
    Need::RSEQ,
    Need::new(&Tool("cargo")),
];

/// In the order in which they need each other.
const CRATES: [&str; 3] = ["tls-model", "rseq-code", "rseqctl"];

/// Packages the command and the crates that it needs, and unpacks them in a folder.
fn unpacked(folder: &Path) -> Result<(), String> {
    let packed = scratch::directory("crates")?;
    cargo("package", &packed)?
        .args(["--quiet", "--offline", "--allow-dirty", "--no-verify"])
        .args(CRATES.iter().flat_map(|name| ["-p", name]))
        .run()?
        .expect(0)?;
    for name in CRATES {
        let file = format!("{name}-{}.crate", env!("CARGO_PKG_VERSION"));
        let to = folder.join(name);
        fs::create_dir(&to).map_err(|error| format!("{}: {error}", to.display()))?;
        release::unpack(&packed.join("package").join(file), &to)?;
    }
    Ok(())
}

/// Cargo in the workspace, which builds in this folder.
fn cargo(verb: &str, target: &Path) -> Result<Program, String> {
    Ok(Program::with_callers_environment(program("cargo")?)
        .args([verb, "--target-dir"])
        .arg(target)
        .directory(&workspace())
        .limit(Duration::from_secs(900)))
}

#[rseq_kit::test(NEEDS)]
fn nothing_is_needed_beside_it() -> Outcome {
    let (sources, root) = (scratch::directory("sources")?, scratch::directory("root")?);
    unpacked(&sources)?;
    let mut install = cargo("install", &artifacts::kept_target("installed")?)?
        .args(["--quiet", "--offline", "--path"])
        .arg(sources.join("rseqctl"))
        .arg("--root")
        .arg(&root)
        // as little work as it can be; the libraries are built as always
        .env("CARGO_PROFILE_RELEASE_LTO", "off")
        .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "0")
        .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16");
    for name in ["tls-model", "rseq-code"] {
        let path = sources.join(name);
        install = install.arg("--config").arg(format!(
            "patch.crates-io.{name}.path={:?}",
            path.display().to_string()
        ));
    }
    install.run()?.expect(0)?;

    let found = Program::new(program("find")?)
        .arg(&root)
        .args(["-type", "f", "-not", "-name", ".crates*"])
        .run()?
        .expect(0)?;
    let rseqctl = root.join("bin/rseqctl");
    assert_eq!(found.out.trim(), rseqctl.to_string_lossy(), "one file");

    let cache = scratch::directory("cache")?;
    let run = |words: &[&str]| -> Result<Finished, String> {
        Program::new(&rseqctl)
            .args(words)
            .env("XDG_CACHE_HOME", &cache)
            .limit(Duration::from_secs(120))
            .run()
    };
    let version = run(&["--version"])?.expect(0)?.out;
    assert!(
        version.contains("built in, librseq_shim.so sha256 "),
        "{version}"
    );
    let doctor = run(&["doctor", "--seconds", "20", "--fail-on", "never"])?
        .expect(0)?
        .out;
    assert!(doctor.starts_with("This host "), "{doctor}");
    let audit = run(&["audit", "--fail-on", "never", "/bin/ls"])?.expect(0)?;
    assert_eq!(audit.err, "");
    let started = run(&["run", "--mode", "own", "--report", "-", "--", "true"])?.expect(0)?;
    let told = started.out + &started.err;
    assert!(told.contains("shim"), "{told}");

    // what had to be a file is one, for its user alone, and written once
    let folder = cache.join("rseqctl").join(env!("CARGO_PKG_VERSION"));
    let shim = folder.join("librseq_shim.so");
    let mode = fs::metadata(&folder)?.permissions().mode();
    assert_eq!(mode & 0o777, 0o700, "{mode:o}");
    let before = fs::metadata(&shim)?.modified()?;
    run(&["run", "--", "true"])?.expect(0)?;
    assert_eq!(fs::metadata(&shim)?.modified()?, before, "written again");
    // another one's content is not taken
    fs::write(&shim, "something else")?;
    run(&["run", "--", "true"])?.expect(0)?;
    assert!(fs::read(&shim)?.starts_with(b"\x7fELF"), "not renewed");
    Ok(())
}
