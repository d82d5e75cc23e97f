//! What is where below the tarball's only folder.

use std::path::Path;

use super::crates;
use super::files::{files_below, read};
use super::licences;
use super::linked;
use super::pages;
use super::sbom;
use super::tarball::Tarball;
use crate::architecture::Architecture;
use crate::step::Steps;

/// The release's version.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Of a folder with what was built: programs and libraries.
const BUILT: [(&str, &str); 3] = [
    ("rseqctl", "bin/rseqctl"),
    ("librseq_abi.so", "lib/librseq_abi.so.1"),
    ("librseq_shim.so", "lib/librseq_shim.so.1"),
];

/// Likewise, and not executable.
const ARCHIVE: (&str, &str) = ("librseq_owner.a", "lib/librseq_owner.a");

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

/// Puts the rest of the tarball below a prefix.
const INSTALL: &str = include_str!("install.sh");

/// Where crates are that Rust programs are built with (Debian's place for them).
pub(crate) const CRATES: &str = "share/cargo/registry";

/// Puts everything into the tarball: what is in the folder `built`, and what is in the
/// checkout.
pub(super) fn fill(
    steps: &mut Steps,
    architecture: &Architecture,
    built: &Path,
    tarball: &mut Tarball,
) -> Result<(), String> {
    for (from, to) in BUILT {
        tarball.program(to, read(&built.join(from))?);
    }
    tarball.file(ARCHIVE.1, read(&built.join(ARCHIVE.0))?);
    for (name, to) in LINKS {
        tarball.link(name, to);
    }
    // where only glibc's dynamic linker looks: rseqctl names them so
    for platform in architecture.platforms() {
        tarball.link(&format!("lib/{platform}"), ".");
    }
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
        let text = text.replace("@VERSION@", VERSION);
        tarball.file(&format!("lib/pkgconfig/{name}.pc"), text.into_bytes());
    }
    for (name, content) in crates::of_adopters(steps, VERSION)? {
        tarball.file(&format!("{CRATES}/{name}"), content);
    }
    let linked = linked::crates(steps)?;
    for (name, text) in licences::of_dependencies(&linked)? {
        tarball.file(&format!("licences/{name}"), text);
    }
    pages::fill(steps, tarball)?;
    tarball.program("install.sh", INSTALL.as_bytes().to_vec());
    tarball.file(sbom::PLACE, sbom::of(VERSION, &linked).into_bytes());
    Ok(())
}
