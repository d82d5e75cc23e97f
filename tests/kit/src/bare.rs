//! A root of Debian's essential packages, a compiler and make, and nothing else.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::cache;
use crate::child::{Finished, Program};
use crate::needs::{Asked, Need, program};

const SUITE: &str = "bookworm";
const PACKAGES: &str = "gcc,libc6-dev,make,pkgconf";

/// overlayfs, to change a copy.
pub const OVERLAY: Need = Need::new(&Asked("overlayfs", has_overlay));

/// The root.
pub const BARE_ROOT: Need = Need::new(&Asked("a root with a compiler alone", || root().map(drop)));

fn has_overlay() -> Result<(), String> {
    let known = fs::read_to_string("/proc/filesystems").unwrap_or_default();
    if known.split_whitespace().any(|name| name == "overlay") {
        Ok(())
    } else {
        Err("needs overlayfs, which this kernel does not have".to_owned())
    }
}

/// Returns the root: a folder that nobody may change.
fn root() -> Result<PathBuf, String> {
    let made = cache::kept(&format!("bare-{SUITE}"), |into| {
        let unwanted = ["doc", "locale", "man", "info"]
            .map(|name| format!("--dpkgopt=path-exclude=/usr/share/{name}/*"));
        Program::with_callers_environment(program("mmdebstrap")?)
            .args(["--quiet", "--variant=essential"])
            .args(unwanted)
            .arg(format!("--include={PACKAGES}"))
            .arg(SUITE)
            .arg(into.join("root"))
            .limit(Duration::from_secs(600))
            .run()?
            .expect(0)
            .map(drop)
    })?;
    Ok(made.join("root"))
}

/// `$1` is the root, `$2` the folder that is copied to `/here` in it, `$3` what is run there,
/// and all others, in pairs, folders and where they are mounted.
const SCRIPT: &str = r#"
    root=$1 here=$2 script=$3
    shift 3
    new=$here.new
    mkdir -p "$new"
    mount -t tmpfs none "$new"
    mkdir "$new/upper" "$new/work" "$new/root"
    mount -t overlay -o "lowerdir=$root,upperdir=$new/upper,workdir=$new/work" overlay "$new/root"
    mount --bind /proc "$new/root/proc"
    mount --bind /dev "$new/root/dev"
    while [ $# != 0 ]; do
        mkdir -p "$new/root$2"
        mount --bind "$1" "$new/root$2"
        shift 2
    done
    cp -R "$here" "$new/root/here"
    exec chroot "$new/root" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C \
        sh -euc "$script"
"#;

/// Runs a shell script in a copy of the root that is gone afterwards: with what is in the
/// folder `here` as `/here`, and each of `mounts` where it says.
///
/// # Errors
///
/// The root cannot be made, or the script does not end in five minutes.
pub fn run(here: &Path, mounts: &[(&Path, &str)], script: &str) -> Result<Finished, String> {
    let mut inside = Program::new(program("unshare")?)
        .args(["--mount", "sh", "-euc", SCRIPT, "sh"])
        .args([&root()?, here])
        .arg(script);
    for (folder, place) in mounts {
        inside = inside.arg(folder).arg(place);
    }
    inside.limit(Duration::from_secs(300)).run()
}
