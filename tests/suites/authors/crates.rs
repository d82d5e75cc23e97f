//! The crates that can be published: packaged as for crates.io, and built from what is
//! in the package alone.

use std::time::Duration;

use rseq_kit::artifacts::workspace;
use rseq_kit::child::Program;
use rseq_kit::needs::{Need, Tool, program};
use rseq_kit::runner::Outcome;
use rseq_kit::scratch;

#[rseq_kit::test(Need::X86_64, Need::of(Tool("cargo")))]
fn packages_for_adopters() -> Outcome {
    let target = scratch::directory("package")?;
    Program::with_callers_environment(program("cargo")?)
        .args([
            "package",
            "--quiet",
            "--offline",
            "--allow-dirty",
            "-p",
            "rseq-abi",
        ])
        .arg("--target-dir")
        .arg(&target)
        .directory(&workspace())
        .limit(Duration::from_secs(300))
        .run()?
        .expect(0)?;
    Ok(())
}
