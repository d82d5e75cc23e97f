//! Roots of distributions with little in them: Debian's essential packages, a compiler and
//! make; or what Debian and Ubuntu install by default to install and to read manuals.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::cache;
use crate::child::{Finished, Program};
use crate::needs::{Asked, Need, program};

/// Which root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Root {
    /// Debian's, with a compiler and without apt.
    Compiler,
    /// Debian's, with apt and man.
    Debian,
    /// Ubuntu's, likewise.
    Ubuntu,
}

/// Where Ubuntu's packages are.
const UBUNTU: &str = "http://archive.ubuntu.com/ubuntu";

/// Ubuntu's keys, which Debian has no package of: in a package of Ubuntu's own, by its
/// digest. The key that signs is the one of 2018, F6ECB3762474EDA9D21B7022871920D1991BC93C.
const UBUNTU_KEYS: &str = "pool/main/u/ubuntu-keyring/ubuntu-keyring_2023.11.28.1_all.deb";
const UBUNTU_KEYS_DIGEST: &str =
    "SHA256:36de43b15853ccae0028e9a767613770c704833f82586f28eb262f0311adb8a8";

/// overlayfs, to change a copy.
pub const OVERLAY: Need = Need::new(&Asked("overlayfs", has_overlay));

/// The root.
pub const BARE_ROOT: Need = Need::new(&Asked("a root with a compiler alone", || {
    Root::Compiler.made().map(drop)
}));

/// The others.
pub const DEBIAN_ROOT: Need =
    Need::new(&Asked("a root of Debian", || Root::Debian.made().map(drop)));
/// Ubuntu's.
pub const UBUNTU_ROOT: Need =
    Need::new(&Asked("a root of Ubuntu", || Root::Ubuntu.made().map(drop)));

fn has_overlay() -> Result<(), String> {
    let known = fs::read_to_string("/proc/filesystems").unwrap_or_default();
    if known.split_whitespace().any(|name| name == "overlay") {
        Ok(())
    } else {
        Err("needs overlayfs, which this kernel does not have".to_owned())
    }
}

impl Root {
    /// Returns the root: a folder that nobody may change. It is made the first time.
    fn made(self) -> Result<PathBuf, String> {
        let made = match self {
            Self::Compiler => cache::kept("bare-bookworm", |into| {
                let unwanted = ["doc", "locale", "man", "info"]
                    .map(|name| format!("--dpkgopt=path-exclude=/usr/share/{name}/*"));
                let packages = ["--include=gcc,libc6-dev,make,pkgconf".to_owned()];
                let words = ["--variant=essential".to_owned()].into_iter();
                make(into, "bookworm", words.chain(unwanted).chain(packages))
            }),
            Self::Debian => cache::kept("plain-bookworm", |into| {
                let words = ["--variant=apt", "--include=man-db"].map(str::to_owned);
                make(into, "bookworm", words)
            }),
            Self::Ubuntu => cache::kept("plain-noble", |into| {
                let keys = format!("--keyring={}", ubuntu_keys()?.display());
                let words = ["--variant=apt", "--include=man-db", &keys].map(str::to_owned);
                make(into, "noble", words)
            }),
        }?;
        Ok(made.join("root"))
    }
}

/// Makes a root of a release.
fn make(into: &Path, release: &str, words: impl IntoIterator<Item = String>) -> Result<(), String> {
    let mut mmdebstrap = Program::with_callers_environment(program("mmdebstrap")?)
        .arg("--quiet")
        .args(words)
        .arg(release)
        .arg(into.join("root"));
    if release == "noble" {
        mmdebstrap = mmdebstrap.arg(UBUNTU);
    }
    mmdebstrap
        .limit(Duration::from_secs(600))
        .run()?
        .expect(0)
        .map(drop)
}

/// Returns the file of the keys that Ubuntu signs with.
fn ubuntu_keys() -> Result<PathBuf, String> {
    let name = UBUNTU_KEYS.rsplit('/').next().unwrap_or(UBUNTU_KEYS);
    let folder = cache::kept(name, |into| {
        let package = into.join(name);
        Program::with_callers_environment("/usr/lib/apt/apt-helper")
            .args(["download-file", &format!("{UBUNTU}/{UBUNTU_KEYS}")])
            .arg(&package)
            .arg(UBUNTU_KEYS_DIGEST)
            .limit(Duration::from_secs(120))
            .run()?
            .expect(0)
            .map_err(|error| format!("needs archive.ubuntu.com: {error}"))?;
        Program::with_callers_environment(program("dpkg-deb")?)
            .arg("--extract")
            .args([&package, &into.join("files")])
            .run()?
            .expect(0)
            .map(drop)
    })?;
    Ok(folder.join("files/usr/share/keyrings/ubuntu-archive-keyring.gpg"))
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
pub fn run(
    root: Root,
    here: &Path,
    mounts: &[(&Path, &str)],
    script: &str,
) -> Result<Finished, String> {
    let mut inside = Program::new(program("unshare")?)
        .args(["--mount", "sh", "-euc", SCRIPT, "sh"])
        .args([&root.made()?, here])
        .arg(script);
    for (folder, place) in mounts {
        inside = inside.arg(folder).arg(place);
    }
    inside.limit(Duration::from_secs(300)).run()
}
