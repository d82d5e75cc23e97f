//! The page for authors on a machine that has a compiler, make, pkg-config and the Debian
//! packages, and nothing else of ours: a root of its own.

use std::fs;
use std::path::PathBuf;

use rseq_kit::bare::{self, Root};
use rseq_kit::child::Program;
use rseq_kit::needs::{Need, Tool, program};
use rseq_kit::runner::Outcome;
use rseq_kit::{release, scratch};

use crate::pages;

/// What is run there, of the page: the rest needs other tools.
const FOLDERS: [&str; 7] = ["refer", "define", "library", "own", "make", "rust", "cargo"];

const BARE: [Need; 7] = [
    Need::X86_64,
    Need::ROOT,
    Need::MOUNT_NAMESPACE,
    Need::RSEQ,
    Need::new(&Tool("dpkg-deb")),
    bare::OVERLAY,
    bare::BARE_ROOT,
];

/// The compiler of Rust, which is not of Debian's.
fn toolchain() -> Result<PathBuf, String> {
    let asked = Program::with_callers_environment(program("rustc")?)
        .args(["--print", "sysroot"])
        .run()?
        .expect(0)?;
    Ok(asked.out.trim().into())
}

const SCRIPT: &str = r#"
    export PATH=/opt/rust/bin:$PATH PREFIX=/usr
    dpkg -i /here/*.deb >/here/log 2>&1 || { cat /here/log; exit 1; }
    for folder in FOLDERS; do
        cd /here/pages/$folder
        sh -eu run >log 2>&1 && echo "$folder works" || { echo "$folder:"; cat log; }
    done
    rseqctl audit --fail-on warning /here/pages/own/dynamic /here/pages/own/static
"#;

#[rseq_kit::test(BARE)]
fn packages_are_all_that_it_takes() -> Outcome {
    let here = scratch::directory("bare")?;
    for package in release::packages(".deb")? {
        let name = package.file_name().unwrap_or_default();
        fs::copy(&package, here.join(name))?;
    }
    pages::write_all(&here.join("pages"))?;
    let script = SCRIPT.replace("FOLDERS", &FOLDERS.join(" "));
    let done = bare::run(
        Root::Compiler,
        &here,
        &[(&toolchain()?, "/opt/rust")],
        &script,
    )?
    .expect(0)?;
    for folder in FOLDERS {
        let works = format!("{folder} works");
        assert!(done.out.lines().any(|line| line == works), "{}", done.out);
    }
    assert!(done.out.contains("0 errors, 0 warnings"), "{}", done.out);
    Ok(())
}
