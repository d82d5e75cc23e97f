//! Debian's packages, in a root of its own.

use std::fs;
use std::path::Path;
use std::time::Duration;

use rseq_kit::bare::{self, Root};
use rseq_kit::child::Program;
use rseq_kit::needs::{Need, Tool, program};
use rseq_kit::release::packages;
use rseq_kit::runner::Outcome;
use rseq_kit::scratch;

use crate::package;

const NEEDS: [Need; 6] = [
    Need::X86_64,
    Need::ROOT,
    Need::MOUNT_NAMESPACE,
    Need::new(&Tool("dpkg-deb")),
    bare::OVERLAY,
    bare::BARE_ROOT,
];

/// Makes the same package once more, with a higher version.
fn newer(package: &Path, to: &Path) -> Result<(), String> {
    let script = r#"
        dpkg-deb --raw-extract "$1" "$2/tree"
        sed -i "s/^Version: .*/Version: 9.9/" "$2/tree/DEBIAN/control"
        dpkg-deb --build --root-owner-group -Zgzip "$2/tree" "$2/newer.deb"
        rm -r "$2/tree"
    "#;
    Program::with_callers_environment(program("sh")?)
        .args(["-euc", script, "sh"])
        .args([package, to])
        .limit(Duration::from_secs(300))
        .run()?
        .expect(0)
        .map(drop)
}

/// What is there with rseq in its name, now and at the end: the libc has headers with it.
const FILES: &str = r#"
    # the root was made without manual pages
    rm -f /etc/dpkg/dpkg.cfg.d/*
    files() { find / -xdev \( -path /here -o -path /run \) -prune -o -name "*rseq*" -print; }
    files >/here/before
    left() { echo left:; files | grep -Fxv -f /here/before || true; }
"#;

#[rseq_kit::test(NEEDS)]
fn installed_used_upgraded_and_removed() -> Outcome {
    let here = scratch::directory("debs")?;
    let command = package("rseqctl", ".deb")?;
    fs::copy(&command, here.join("first.deb"))?;
    newer(&command, &here)?;
    let script = format!(
        r#"
        {FILES}
        say() {{ dpkg-query --show --showformat '${{Version}}' rseqctl; echo; }}
        dpkg --install /here/first.deb >/dev/null
        rseqctl doctor --seconds 20 --fail-on never >/here/doctor && head -1 /here/doctor
        gzip -dc /usr/share/man/man1/rseqctl.1.gz | grep -c "^.SH NAME"
        ls /usr/share/bash-completion/completions/rseqctl
        rseqctl audit --fail-on never /bin/ls >/dev/null && echo audited
        dpkg --install /here/newer.deb >/dev/null
        say
        rseqctl --version
        dpkg --remove rseqctl >/dev/null
        dpkg --purge rseqctl >/dev/null 2>&1
        left
    "#
    );
    let told = bare::run(Root::Compiler, &here, &[], &script)?.expect(0)?;
    let out = &told.out;
    assert!(out.starts_with("This host "), "{out}");
    assert!(out.contains("\n1\n"), "no manual page: {out}");
    assert!(
        out.contains("completions/rseqctl\naudited\n9.9\nrseqctl "),
        "{out}{}",
        told.err
    );
    let (_, left) = out
        .split_once("left:\n")
        .ok_or("nothing after the removal")?;
    assert_eq!(left, "", "files are left");
    Ok(())
}

#[rseq_kit::test(NEEDS)]
fn all_of_them_at_once() -> Outcome {
    let here = scratch::directory("debs")?;
    for package in packages(".deb")? {
        let name = package.file_name().unwrap_or_default();
        fs::copy(&package, here.join(name))?;
    }
    let script = format!(
        r"
        {FILES}
        dpkg --install /here/*.deb >/dev/null
        LD_PRELOAD=librseq_shim.so RSEQ_SHIM_LOG=stderr sh -c : 2>&1 | head -1
        pkg-config --modversion rseq-owner
        dpkg --purge rseqctl librseq-abi-dev librseq-shim1 librseq-abi1 >/dev/null 2>&1
        left
    "
    );
    let out = bare::run(Root::Compiler, &here, &[], &script)?
        .expect(0)?
        .out;
    assert!(out.starts_with("librseq_shim: "), "{out}");
    assert!(!out.contains("cannot be preloaded"), "{out}");
    assert!(out.contains(env!("CARGO_PKG_VERSION")), "{out}");
    assert!(out.ends_with("left:\n"), "{out}");
    Ok(())
}

const LINTIAN: [Need; 3] = [
    Need::X86_64,
    Need::new(&Tool("dpkg-deb")),
    Need::new(&Tool("lintian")),
];

#[rseq_kit::test(LINTIAN)]
fn lintian_has_nothing_to_say() -> Outcome {
    for package in packages(".deb")? {
        let told = Program::with_callers_environment(program("lintian")?)
            .args(["--allow-root", "--fail-on", "error,warning"])
            // the files under test are not a release's: those have no symbols for debuggers
            .args([
                "--suppress-tags",
                "unstripped-binary-or-object,unstripped-static-library",
            ])
            .arg(&package)
            .limit(Duration::from_secs(120))
            .run()?;
        let name = package.display();
        assert!(
            told.expect(0).is_ok_and(|told| told.out.is_empty()),
            "{name}"
        );
    }
    Ok(())
}
