//! Debian packages, of what is in the release tarball.
//!
//! Each is a tree and a control file, put together by dpkg-deb. The bytes depend on
//! the tarball and its date only.

use std::fmt::Write as _;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::contents::{self, Contents};
use super::tree::Tree;
use crate::architecture::Architecture;
use crate::dist::files::emptied;
use crate::dist::layout::VERSION;
use crate::step::Steps;

/// A package.
struct Package {
    name: &'static str,
    section: &'static str,
    depends: &'static str,
    /// Further fields, each on a line.
    fields: &'static str,
    contents: &'static Contents,
    /// `shlibs`, for packages that are linked with the library.
    shlibs: &'static str,
    /// What lintian would complain of, and why that is right; comments and tags.
    overrides: &'static str,
}

const MAINTAINER: &str = "rseq-owner maintainers <maintainers@rseq-owner.example.org>";

const PACKAGES: [Package; 4] = [
    Package {
        name: "rseqctl",
        section: "utils",
        depends: "libc6 (>= 2.17)",
        fields: "Suggests: librseq-shim1\n",
        contents: &contents::RSEQCTL,
        shlibs: "",
        overrides: "",
    },
    Package {
        name: "librseq-abi1",
        section: "libs",
        depends: "libc6 (>= 2.17)",
        fields: "Multi-Arch: same\n",
        contents: &contents::ABI,
        shlibs: "librseq_abi 1 librseq-abi1\n",
        overrides: "# the name has an underscore since 2017, and a package's cannot\n\
                    package-name-doesnt-match-sonames\n\
                    # it has nothing but a variable, and asks for nothing\n\
                    shared-library-lacks-prerequisites\n",
    },
    Package {
        name: "librseq-shim1",
        section: "libs",
        depends: "libc6 (>= 2.17), librseq-abi1",
        fields: "",
        contents: &contents::SHIM,
        shlibs: "librseq_shim 1 librseq-shim1\n",
        overrides: "# the name that LD_PRELOAD has: it is needed without the -dev package\n\
                    link-to-shared-library-in-wrong-package\n\
                    # linked with stand-ins, so that one build fits every glibc from 2.17 on\n\
                    library-not-linked-against-libc\n\
                    package-name-doesnt-match-sonames\n",
    },
    Package {
        name: "librseq-abi-dev",
        section: "libdevel",
        depends: "librseq-abi1, librseq-shim1, libc6-dev",
        fields: "",
        contents: &contents::DEVELOPMENT,
        shlibs: "",
        overrides: "",
    },
];

/// Makes every package; returns their paths.
pub(super) fn make(
    steps: &mut Steps,
    architecture: &Architecture,
    tree: &Tree,
    to: &Path,
) -> Result<Vec<PathBuf>, String> {
    PACKAGES
        .iter()
        .map(|package| one(steps, architecture, package, tree, to))
        .collect()
}

fn one(
    steps: &mut Steps,
    architecture: &Architecture,
    package: &Package,
    tree: &Tree,
    to: &Path,
) -> Result<PathBuf, String> {
    // the folder of libraries of an architecture (Debian Policy, 9.1.1)
    let libraries = format!("usr/lib/{}", architecture.libraries);
    let root = to.join(package.name);
    let say = |error: std::io::Error| format!("{}: {error}", root.display());
    emptied(&root)?;
    tree.install(package.contents, &root, &libraries)?;
    papers(package, tree, &root)?;
    let control = root.join("DEBIAN");
    fs::create_dir_all(&control).map_err(say)?;
    let size = Tree::size_of(&root)?;
    let write = |name: &str, text: &str| fs::write(control.join(name), text).map_err(say);
    write("control", &control_of(architecture, package, size))?;
    if !package.shlibs.is_empty() {
        write("shlibs", package.shlibs)?;
        write("triggers", "activate-noawait ldconfig\n")?;
    }
    tree.settle(&root)?;
    let name = format!("{}_{VERSION}_{}.deb", package.name, architecture.debian);
    let path = to.join(name);
    let mut command = Command::new("dpkg-deb");
    command
        .args(["--build", "--root-owner-group", "-Zxz"])
        .args([&root, &path])
        .env("SOURCE_DATE_EPOCH", tree.time().to_string());
    steps.run(&format!("package {}", package.name), &mut command)?;
    Ok(path)
}

fn control_of(architecture: &Architecture, package: &Package, kibibytes: u64) -> String {
    let mut text = format!(
        "Package: {}\nSource: rseq-owner\nVersion: {VERSION}\nArchitecture: {}\n\
         Maintainer: {MAINTAINER}\nInstalled-Size: {kibibytes}\nDepends: {}\nSection: {}\n\
         Priority: optional\n{}",
        package.name, architecture.debian, package.depends, package.section, package.fields,
    );
    let _ = writeln!(text, "Description: {}", package.contents.what);
    for line in package.contents.more.lines() {
        let _ = writeln!(text, " {line}");
    }
    text
}

/// Writes what every package has: copyright, changelog, and what lintian is told.
fn papers(package: &Package, tree: &Tree, root: &Path) -> Result<(), String> {
    let folder = root.join("usr/share/doc").join(package.name);
    let say = |error: std::io::Error| format!("{}: {error}", folder.display());
    fs::create_dir_all(&folder).map_err(say)?;
    fs::write(folder.join("copyright"), tree.copyright()?).map_err(say)?;
    let changes = format!(
        "rseq-owner ({}) unstable; urgency=medium\n\n  * See the release's CHANGELOG.md.\n\n -- \
         {MAINTAINER}  {}\n",
        VERSION,
        tree.date()?
    );
    Tree::write_compressed(&folder.join("changelog.gz"), changes.as_bytes())?;
    if !package.overrides.is_empty() {
        let folder = root.join("usr/share/lintian/overrides");
        fs::create_dir_all(&folder).map_err(say)?;
        let mut text = String::new();
        for line in package.overrides.lines() {
            let prefix = if line.starts_with('#') {
                String::new()
            } else {
                format!("{}: ", package.name)
            };
            let _ = writeln!(text, "{prefix}{line}");
        }
        let path = folder.join(package.name);
        fs::write(&path, text).map_err(say)?;
        fs::set_permissions(&path, Permissions::from_mode(0o644)).map_err(say)?;
    }
    Ok(())
}
