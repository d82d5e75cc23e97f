//! The packages for rpm, in a root with a database of its own.

use std::time::Duration;

use rseq_kit::child::Program;
use rseq_kit::needs::{Need, Tool, program};
use rseq_kit::release::packages;
use rseq_kit::runner::Outcome;
use rseq_kit::scratch;

const NEEDS: [Need; 4] = [
    Need::X86_64,
    Need::ROOT,
    Need::new(&Tool("rpm")),
    Need::new(&Tool("rpmbuild")),
];

/// `$1` is the root, all others the packages. The root has no libc that rpm knows of.
const SCRIPT: &str = r#"
    root=$1
    shift
    rpm() { command rpm --root "$root" "$@"; }
    mkdir -p "$root/var/lib/rpm"
    rpm --initdb
    rpm --install --nodeps --noscripts "$@"
    rpm --query --all | sort
    "$root/usr/bin/rseqctl" --version
    rpm --verify --all --nodeps && echo whole
    rpm --upgrade --force --nodeps --noscripts "$@" && echo upgraded
    rpm --erase --noscripts --nodeps rseqctl librseq-abi librseq-shim librseq-abi-devel
    echo left:
    find "$root" -name "*rseq*"
"#;

#[rseq_kit::test(NEEDS)]
fn installed_verified_upgraded_and_removed() -> Outcome {
    let root = scratch::directory("rpm")?;
    let told = Program::with_callers_environment(program("sh")?)
        .args(["-euc", SCRIPT, "sh"])
        .arg(&root)
        .args(packages(".rpm")?)
        .limit(Duration::from_secs(180))
        .run()?
        .expect(0)?;
    let out = &told.out;
    let version = env!("CARGO_PKG_VERSION");
    for name in [
        "librseq-abi",
        "librseq-abi-devel",
        "librseq-shim",
        "rseqctl",
    ] {
        let line = format!("{name}-{version}-1.x86_64\n");
        assert!(out.contains(&line), "{out}{}", told.err);
    }
    assert!(out.contains(&format!("rseqctl {version}")), "{out}");
    assert!(out.contains("whole\nupgraded\n"), "{out}{}", told.err);
    assert!(out.ends_with("left:\n"), "{out}");
    Ok(())
}
