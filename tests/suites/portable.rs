//! One build for every glibc from 2.17 on: what the files ask of it, and a run
//! on an old one.

use std::fs;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use rseq_kit::artifacts::artifacts;
use rseq_kit::child::Program;
use rseq_kit::executable;
use rseq_kit::foreign;
use rseq_kit::needs::{Need, program};
use rseq_kit::release;
use rseq_kit::runner::{Outcome, Suite};
use rseq_kit::scratch;
use rseq_kit::versions::{self, Imports};

/// The oldest glibc that everything starts on.
const FLOOR: (u32, u32, u32) = (2, 17, 0);

fn main() -> ExitCode {
    Suite::collected().run()
}

/// What a file asks of libraries that are not there everywhere, or not in the
/// versions of the floor.
fn complaints(imports: &Imports) -> Vec<String> {
    let known = ["libc.so.6", "libpthread.so.0", "libdl.so.2"];
    let libraries = imports.libraries.iter();
    let strange = libraries
        .filter(|library| !known.contains(&&***library))
        .map(|library| format!("needs {library}"));
    let versions = imports.versions.iter();
    let young = versions
        .filter(|(_, version)| versions::number(version).is_none_or(|number| number > FLOOR))
        .map(|(library, version)| format!("needs {version} of {library}"));
    strange.chain(young).collect()
}

#[rseq_kit::test(Need::X86_64)]
fn command() -> Outcome {
    let imports = versions::imports(&artifacts()?.rseqctl)?;
    assert!(!imports.versions.is_empty(), "{imports:?}");
    let complaints = complaints(&imports);
    assert!(complaints.is_empty(), "{complaints:?}");
    Ok(())
}

/// The libraries ask for no version of anything, and for no name that the floor
/// does not have.
#[rseq_kit::test(Need::X86_64)]
fn libraries() -> Outcome {
    let artifacts = artifacts()?;
    let libc = versions::exports(Path::new("/lib/x86_64-linux-gnu/libc.so.6"))?;
    for library in [&artifacts.abi, &artifacts.shim] {
        let imports = versions::imports(library)?;
        assert!(imports.versions.is_empty(), "{imports:?}");
        for name in imports.strong.iter().filter(|name| *name != "__rseq_abi") {
            let there = libc
                .iter()
                .any(|(known, version)| known == name && *version <= FLOOR);
            assert!(there, "{} needs {name}", library.display());
        }
    }
    Ok(())
}

/// The reader is not blind: this very test is linked as the machine likes.
#[rseq_kit::test(Need::X86_64)]
fn too_new() -> Outcome {
    let itself = std::env::current_exe()?;
    let complaints = complaints(&versions::imports(&itself)?);
    assert!(!complaints.is_empty(), "nothing above the floor in a test");
    Ok(())
}

/// Started by a glibc that is older than `__rseq_offset`, in a system that has
/// little else.
#[rseq_kit::test(Need::X86_64, Need::ROOT, Need::MOUNT_NAMESPACE, foreign::OLD)]
fn runs_on_2_31() -> Outcome {
    let root = foreign::old_glibc()?;
    let folder = scratch::directory("old")?.join("root");
    Program::with_callers_environment(program("cp")?)
        .arg("-a")
        .args([&root, &folder])
        .run()?
        .expect(0)?;
    let rseqctl = install(&folder)?;
    let inside = |arguments: &[&str]| {
        let script = "mkdir -p \"$0/proc\"; mount --bind /proc \"$0/proc\"; \
            exec chroot \"$0\" \"$@\"";
        Program::new(program("unshare")?)
            .args(["--mount", "sh", "-c", script])
            .arg(&folder)
            .arg(&rseqctl)
            .args(arguments)
            .limit(Duration::from_secs(120))
            .run()?
            .expect(0)
    };
    let demo = inside(&["demo"])?;
    let registered = "threads registered by the shim: 8 of 8";
    assert!(demo.out.contains(registered), "{}\n{}", demo.out, demo.err);
    // as the libc starts it, and with the libc switched off: this libc knows no rseq
    let unregistered = demo.out.matches("by nobody").count();
    assert_eq!(unregistered, 16, "{}\n{}", demo.out, demo.err);
    let report = inside(&["run", "--report", "-", "--", &rseqctl, "--version"])?;
    assert!(report.out.contains("\"owner\": \"shim\""), "{}", report.out);
    let audit = inside(&["audit", "--all", "/lib/x86_64-linux-gnu/libc.so.6"])?;
    assert!(audit.out.contains("1 file"), "{}", audit.out);
    Ok(())
}

/// Puts what is tested into a root: the release tarball that `RSEQ_TARBALL` names,
/// where there is one. Answers where the command is in there.
fn install(root: &Path) -> Result<String, String> {
    let say = |error: std::io::Error| format!("{}: {error}", root.display());
    if let Some(tarball) = std::env::var_os("RSEQ_TARBALL") {
        let place = root.join("opt");
        fs::create_dir_all(&place).map_err(say)?;
        release::unpack(Path::new(&tarball), &place)?;
        Program::with_callers_environment(program("sha256sum")?)
            .args(["--check", "--strict", "--quiet", "SHA256SUMS"])
            .directory(&place)
            .run()?
            .expect(0)?;
        // nothing beside it: the libraries are built in
        fs::remove_dir_all(place.join("lib")).map_err(say)?;
        return Ok("/opt/bin/rseqctl".to_owned());
    }
    executable::installed(root)?;
    Ok("/rseqctl".to_owned())
}
