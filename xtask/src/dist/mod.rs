//! The release tarball: everything that a system needs, built once for every
//! glibc from 2.17 on, the same bytes from the same commit.

pub(crate) mod files;
mod licences;
mod tarball;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::step::Steps;
use files::{files_below, output, read};
use tarball::Tarball;

/// Cargo's profile, and the folder in the target folder that has its name.
const PROFILE: &str = "shipped";

/// Where files go below the tarball's only folder. Those of `PROFILE`:
const BUILT: [(&str, &str); 3] = [
    ("rseqctl", "bin/rseqctl"),
    ("librseq_abi.so", "lib/librseq_abi.so.1"),
    ("librseq_shim.so", "lib/librseq_shim.so.1"),
];

/// Links: the name that a linker looks for, and the one that is preloaded.
const LINKS: [(&str, &str); 2] = [
    ("lib/librseq_abi.so", "librseq_abi.so.1"),
    ("lib/librseq_shim.so", "librseq_shim.so.1"),
];

/// Those of the checkout.
const KEPT: [(&str, &str); 6] = [
    ("loader-shim/include/rseq_abi.h", "include/rseq_abi.h"),
    ("loader-shim/include/rseq_shim.h", "include/rseq_shim.h"),
    ("LICENSE-MIT", "LICENSE-MIT"),
    ("LICENSE-APACHE", "LICENSE-APACHE"),
    ("README.md", "README.md"),
    ("CHANGELOG.md", "CHANGELOG.md"),
];

/// What `pkg-config` is asked for.
pub(crate) const PKG_CONFIG: [&str; 3] = ["rseq-abi", "rseq-owner", "rseq-shim"];

/// Whole folders, to read along.
const FOLDERS: [(&str, &str); 2] = [
    ("docs", "docs"),
    ("rseqctl/schema", "share/rseq-owner/schema"),
];

/// Builds the tarball and tries it on an old glibc.
pub fn run(steps: &mut Steps) -> Result<PathBuf, String> {
    let version = env!("CARGO_PKG_VERSION");
    build(steps)?;
    let built = steps.target().join(PROFILE);
    let name = format!("rseq-owner-{version}-x86_64-linux");
    let mut tarball = Tarball::new(&name, commit_time(steps.root())?);
    for (from, to) in BUILT {
        tarball.program(to, read(&built.join(from))?);
    }
    for (name, to) in LINKS {
        tarball.link(name, to);
    }
    // where only glibc's dynamic linker looks: rseqctl names them so
    for platform in ["x86_64", "haswell", "xeon_phi"] {
        tarball.link(&format!("lib/{platform}"), ".");
    }
    tarball.file("lib/librseq_owner.a", read(&built.join("librseq_owner.a"))?);
    for (from, to) in KEPT {
        tarball.file(to, read(&steps.root().join(from))?);
    }
    for (folder, to) in FOLDERS {
        let folder = steps.root().join(folder);
        for path in files_below(&folder)? {
            let below = path.strip_prefix(&folder).unwrap_or(&path);
            tarball.file(&format!("{to}/{}", below.display()), read(&path)?);
        }
    }
    for name in PKG_CONFIG {
        let from = format!("loader-shim/pkgconfig/{name}.pc.in");
        let text = String::from_utf8_lossy(&read(&steps.root().join(from))?).into_owned();
        let text = text.replace("@VERSION@", version);
        tarball.file(&format!("lib/pkgconfig/{name}.pc"), text.into_bytes());
    }
    for (name, text) in licences::of_dependencies(steps)? {
        tarball.file(&format!("licences/{name}"), text);
    }
    tarball.checksums()?;
    let folder = steps.target().join("dist");
    fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let path = folder.join(format!("{name}.tar.gz"));
    tarball.write(&path)?;
    try_it(steps, &path)?;
    println!("{}", path.display());
    println!("sha256 {}", tarball::digest(&path)?);
    Ok(path)
}

/// The libraries first, and then a rseqctl that has them built in.
fn build(steps: &mut Steps) -> Result<(), String> {
    // no path of the building machine in what is shipped
    let home = std::env::var("CARGO_HOME")
        .or_else(|_| std::env::var("HOME").map(|home| format!("{home}/.cargo")))
        .unwrap_or_default();
    let flags = format!(
        "--remap-path-prefix={}=/rseq-owner --remap-path-prefix={home}=/cargo",
        steps.root().display()
    );
    let embed = steps.target().join(PROFILE);
    let cargo = |steps: &Steps, packages: &[&str]| {
        let mut cargo = steps.cargo();
        cargo.args(["build", "--profile", PROFILE]).args(packages);
        cargo.env("RUSTFLAGS", &flags);
        cargo
    };
    let packages = ["rseq-abi-library", "rseq-shim", "rseq-owner"].map(|name| ["-p", name]);
    let mut libraries = cargo(steps, packages.as_flattened());
    steps.run("build the libraries", &mut libraries)?;
    let script = steps.root().join("loader-shim/owner/archive.sh");
    let mut archive = Command::new(script);
    archive.args(["librseq_owner_parts.a", "librseq_owner.a"].map(|name| embed.join(name)));
    steps.run("make the archive", &mut archive)?;
    let mut command = cargo(steps, &["-p", "rseqctl"]);
    steps.run("build rseqctl", command.env("RSEQCTL_EMBED", embed))
}

/// The tests of the floor, with what is in the tarball.
fn try_it(steps: &mut Steps, tarball: &Path) -> Result<(), String> {
    let artifacts = steps.target().join(PROFILE);
    steps.run(
        "run it on an old glibc",
        steps
            .cargo()
            .args(["test", "--quiet", "-p", "rseq-tests", "--test", "portable"])
            .env("RSEQ_ARTIFACTS", artifacts)
            .env("RSEQ_TARBALL", tarball),
    )
}

/// Seconds since 1970: `SOURCE_DATE_EPOCH`, else when HEAD was committed.
pub(crate) fn commit_time(root: &Path) -> Result<u64, String> {
    let text = if let Ok(text) = std::env::var("SOURCE_DATE_EPOCH") {
        text
    } else {
        let mut git = Command::new("git");
        output(git.current_dir(root).args(["log", "-1", "--format=%ct"]))?
    };
    let seconds = text.trim().parse();
    seconds.map_err(|_| format!("SOURCE_DATE_EPOCH: {text:?} is no number of seconds"))
}
