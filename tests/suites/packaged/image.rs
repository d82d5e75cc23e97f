//! The OCI image, unpacked by another tool.

use std::time::Duration;

use rseq_kit::artifacts::artifacts;
use rseq_kit::child::Program;
use rseq_kit::needs::{Need, Tool, program};
use rseq_kit::runner::Outcome;
use rseq_kit::scratch;

use crate::package;

const NEEDS: [Need; 3] = [
    Need::X86_64,
    Need::new(&Tool("skopeo")),
    Need::new(&Tool("umoci")),
];

#[rseq_kit::test(NEEDS)]
fn another_tool_finds_the_command_in_it() -> Outcome {
    let archive = package("rseqctl", ".oci.tar")?;
    let folder = scratch::directory("image")?;
    let place = |name: &str| folder.join(name).display().to_string();
    let run = |name: &str, words: &[String]| {
        Program::with_callers_environment(program(name)?)
            .args(words)
            .limit(Duration::from_secs(60))
            .run()?
            .expect(0)
    };
    let version = env!("CARGO_PKG_VERSION");
    let copy = [
        "copy".to_owned(),
        format!("oci-archive:{}", archive.display()),
        format!("oci:{}:{version}", place("layout")),
    ];
    run("skopeo", &copy)?;
    let unpack = [
        "unpack".to_owned(),
        "--rootless".to_owned(),
        "--image".to_owned(),
        format!("{}:{version}", place("layout")),
        place("bundle"),
    ];
    run("umoci", &unpack)?;
    let rseqctl = folder.join("bundle/rootfs/opt/rseq/rseqctl");
    let told = Program::new(&rseqctl)
        .args(["--version"])
        .run()?
        .expect(0)?;
    assert!(
        told.out.starts_with(&format!("rseqctl {version}")),
        "{}",
        told.out
    );
    // and our own audit looks into it
    let told = Program::new(&artifacts()?.rseqctl)
        .args(["audit", "--all", "--fail-on=never"])
        .arg(&archive)
        .limit(Duration::from_secs(60))
        .run()?
        .expect(0)?;
    assert!(told.out.contains("opt/rseq/rseqctl"), "{}", told.out);
    Ok(())
}
