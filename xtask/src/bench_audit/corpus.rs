//! The files that the audit is measured over: Debian packages and wheels, kept
//! as they are and unpacked.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::setup;
use crate::step::Steps;

/// Packages of the machine's own Debian release, in the version that it has
/// now: programs, libraries, plug-ins, kernel modules, split debugging
/// information, static libraries, and files that are none of these. The kernel
/// stands for the image that `linux-image-amd64` depends on.
const DEBIAN: [&str; 20] = [
    "apache2-bin",
    "chromium",
    "collectd-core",
    "gcc-12",
    "gstreamer1.0-plugins-bad",
    "gstreamer1.0-plugins-good",
    "libboost1.74-dev",
    "libc6",
    "libc6-dbg",
    "libc6-dev",
    "libclang-cpp14",
    "libllvm14",
    "libreoffice-core",
    "linux-image-amd64",
    "llvm-14",
    "postgresql-15",
    "samba-libs",
    "texlive-binaries",
    "valgrind",
    "vlc-plugin-base",
];

/// Wheels and the platforms that they are for. PyTorch's is the one for ARM:
/// that for x86-64 has more than a gigabyte of CUDA in it.
const WHEELS: [(&str, &[&str]); 5] = [
    ("numpy==2.3.4", X86_64),
    ("opencv-python-headless==4.12.0.88", X86_64),
    ("pyarrow==21.0.0", X86_64),
    ("scipy==1.16.3", X86_64),
    ("torch==2.9.1", &["manylinux_2_28_aarch64"]),
];

const X86_64: &[&str] = &["manylinux_2_28_x86_64", "manylinux2014_x86_64"];

/// The folders of a corpus.
pub struct Corpus {
    /// The packages.
    pub packages: PathBuf,
    /// What is in them, a folder for each.
    pub tree: PathBuf,
}

/// Fetches and unpacks what is not there yet: a corpus of another list is
/// replaced.
pub fn fetched(steps: &mut Steps) -> Result<Corpus, String> {
    let home = setup::cache()?.join("audit-corpus");
    let corpus = Corpus {
        packages: home.join("packages"),
        tree: home.join("tree"),
    };
    let mark = home.join("complete");
    let list = format!("{DEBIAN:?}\n{WHEELS:?}\n");
    if fs::read_to_string(&mark).is_ok_and(|found| found == list) {
        return Ok(corpus);
    }
    let _ = fs::remove_dir_all(&home);
    for folder in [&corpus.packages, &corpus.tree] {
        fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    }
    fetch(steps, &corpus.packages)?;
    unpack(steps, &corpus)?;
    fs::write(&mark, list).map_err(|error| format!("{}: {error}", mark.display()))?;
    Ok(corpus)
}

fn fetch(steps: &mut Steps, packages: &Path) -> Result<(), String> {
    let names = DEBIAN.map(|name| match name {
        "linux-image-amd64" => first_dependency(name).unwrap_or_else(|| name.to_owned()),
        name => name.to_owned(),
    });
    let _ = steps.run(
        "apt-get update",
        Command::new("apt-get").args(["-qq", "update"]),
    );
    // one by one: what a release of Debian does not have is left out, and told
    for name in names {
        let done = steps.run(
            &format!("fetch {name}"),
            Command::new("apt-get")
                .args(["-qq", "download", &name])
                .current_dir(packages),
        );
        if let Err(reason) = done {
            steps.skip(&name, reason);
        }
    }
    for (name, platforms) in WHEELS {
        let done = steps.run(
            &format!("fetch {name}"),
            Command::new("python3")
                .args(["-m", "pip", "--quiet", "download", "--no-deps"])
                .args(["--only-binary", ":all:", "--python-version", "311"])
                .args(platforms.iter().flat_map(|name| ["--platform", name]))
                .arg("--dest")
                .arg(packages)
                .arg(name),
        );
        if let Err(reason) = done {
            steps.skip(name, reason);
        }
    }
    let found = fs::read_dir(packages).map_or(0, Iterator::count);
    if found == 0 {
        return Err("no package could be fetched".to_owned());
    }
    Ok(())
}

/// What a package that holds nothing itself stands for.
fn first_dependency(package: &str) -> Option<String> {
    let output = Command::new("apt-cache")
        .args(["depends", package])
        .stderr(Stdio::null())
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    text.lines()
        .find_map(|line| line.trim().strip_prefix("Depends: "))
        .map(str::to_owned)
}

fn unpack(steps: &mut Steps, corpus: &Corpus) -> Result<(), String> {
    let say = |error: std::io::Error| format!("{}: {error}", corpus.packages.display());
    for entry in fs::read_dir(&corpus.packages).map_err(say)? {
        let package = entry.map_err(say)?.path();
        let name = package.file_name().unwrap_or_default();
        let folder = corpus.tree.join(name);
        let mut command = if package.extension().is_some_and(|end| end == "deb") {
            let mut command = Command::new("dpkg-deb");
            command.arg("--extract");
            command
        } else {
            let mut command = Command::new("python3");
            command.args(["-m", "zipfile", "--extract"]);
            command
        };
        steps.run(
            &format!("unpack {}", name.display()),
            command.arg(&package).arg(&folder),
        )?;
    }
    Ok(())
}
