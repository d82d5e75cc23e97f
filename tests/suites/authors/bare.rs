//! The page for authors on a machine that has a compiler, make, pkg-config and the Debian
//! packages, and nothing else of ours: a root of its own.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use rseq_kit::child::Program;
use rseq_kit::needs::{Need, Tool, program};
use rseq_kit::runner::Outcome;
use rseq_kit::{bare, release, scratch};

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

/// `$1` is the root, `$2` the toolchain, `$3` the folder with packages and pages, and all
/// others the folders of the page.
const SCRIPT: &str = r#"
    root=$1 rust=$2 here=$3
    shift 3
    new=$here/new
    mkdir -p "$new"
    mount -t tmpfs none "$new"
    mkdir "$new/upper" "$new/work" "$new/root"
    mount -t overlay -o "lowerdir=$root,upperdir=$new/upper,workdir=$new/work" overlay "$new/root"
    mkdir -p "$new/root/opt/rust" "$new/root/here"
    mount --bind /proc "$new/root/proc"
    mount --bind /dev "$new/root/dev"
    mount --bind "$rust" "$new/root/opt/rust"
    cp -R "$here/pages" "$here"/*.deb "$new/root/here"
    exec chroot "$new/root" /usr/bin/env -i PATH=/opt/rust/bin:/usr/sbin:/usr/bin:/sbin:/bin \
        HOME=/root LC_ALL=C PREFIX=/usr sh -euc '
            dpkg -i /here/*.deb >/here/log 2>&1 || { cat /here/log; exit 1; }
            for folder; do
                cd /here/pages/$folder
                sh -eu run >log 2>&1 && echo "$folder works" || { echo "$folder:"; cat log; }
            done
            rseqctl audit --fail-on warning /here/pages/own/dynamic /here/pages/own/static
        ' sh "$@"
"#;

#[rseq_kit::test(BARE)]
fn packages_are_all_that_it_takes() -> Outcome {
    let here = scratch::directory("bare")?;
    let all = release::packages()?;
    for package in all
        .iter()
        .filter(|it| it.extension().is_some_and(|it| it == "deb"))
    {
        let name = package.file_name().unwrap_or_default();
        fs::copy(package, here.join(name))?;
    }
    pages::write_all(&here.join("pages"))?;
    let done = Program::new(program("unshare")?)
        .args(["--mount", "sh", "-euc", SCRIPT, "sh"])
        .args([&bare::root()?, &toolchain()?, &here])
        .args(FOLDERS)
        .limit(Duration::from_secs(300))
        .run()?
        .expect(0)?;
    for folder in FOLDERS {
        let works = format!("{folder} works");
        assert!(done.out.lines().any(|line| line == works), "{}", done.out);
    }
    assert!(done.out.contains("0 errors, 0 warnings"), "{}", done.out);
    Ok(())
}
