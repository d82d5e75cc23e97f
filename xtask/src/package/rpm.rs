//! RPM packages, of what is in the release tarball.
//!
//! Each is a tree that was made before and a spec that copies it, put together by
//! rpmbuild. The bytes depend on the tarball, its date and the rpmbuild.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::contents::{self, Contents};
use super::tree::Tree;
use crate::architecture::Architecture;
use crate::dist::files::{emptied, files_below};
use crate::dist::layout::VERSION;
use crate::setup;
use crate::step::Steps;

/// Which build of the version it is.
const RELEASE: &str = "1";

/// Where 64-bit libraries are.
const LIBRARIES: &str = "usr/lib64";

/// A package.
struct Package {
    name: &'static str,
    contents: &'static Contents,
    /// Further tags, each on a line.
    tags: &'static str,
    /// Scripts: sections of the spec.
    scripts: &'static str,
}

/// Tells the dynamic linker of a library.
const LDCONFIG: &str = "%post -p /sbin/ldconfig\n\n%postun -p /sbin/ldconfig\n\n";

const PACKAGES: [Package; 4] = [
    Package {
        name: "rseqctl",
        contents: &contents::RSEQCTL,
        tags: "",
        scripts: "",
    },
    Package {
        name: "librseq-abi",
        contents: &contents::ABI,
        tags: "",
        scripts: LDCONFIG,
    },
    Package {
        name: "librseq-shim",
        contents: &contents::SHIM,
        tags: "Requires: librseq-abi\n",
        scripts: LDCONFIG,
    },
    Package {
        name: "librseq-abi-devel",
        contents: &contents::DEVELOPMENT,
        tags: "Requires: librseq-abi, librseq-shim\n",
        scripts: "",
    },
];

/// Makes every package where there is rpmbuild.
pub(super) fn make(
    steps: &mut Steps,
    architecture: &Architecture,
    tree: &Tree,
    to: &Path,
) -> Result<(), String> {
    if !setup::is_in_path("rpmbuild") {
        steps.skip(
            "rpm packages",
            "needs rpmbuild (Debian's package rpm)".to_owned(),
        );
        return Ok(());
    }
    for package in &PACKAGES {
        one(steps, architecture, package, tree, to)?;
    }
    Ok(())
}

fn one(
    steps: &mut Steps,
    architecture: &Architecture,
    package: &Package,
    tree: &Tree,
    to: &Path,
) -> Result<(), String> {
    let folder = to.join("rpm").join(package.name);
    let say = |error: std::io::Error| format!("{}: {error}", folder.display());
    emptied(&folder)?;
    let root = folder.join("root");
    tree.install(package.contents, &root, LIBRARIES)?;
    // where zsh looks unless a distribution tells it otherwise
    let completions = root.join("usr/share/zsh/vendor-completions");
    if completions.exists() {
        fs::rename(&completions, completions.with_file_name("site-functions")).map_err(say)?;
    }
    let licences = root.join("usr/share/licenses").join(package.name);
    fs::create_dir_all(&licences).map_err(say)?;
    for licence in ["LICENSE-MIT", "LICENSE-APACHE"] {
        fs::write(licences.join(licence), tree.read(licence)?).map_err(say)?;
    }
    tree.settle(&root)?;
    let spec = folder.join("package.spec");
    fs::write(&spec, spec_of(package, &root)?).map_err(say)?;
    let mut command = Command::new("rpmbuild");
    command
        .args(["-bb", "--quiet", "--target", architecture.name])
        .args(definitions(&folder, to))
        .arg(&spec)
        .env("SOURCE_DATE_EPOCH", tree.time().to_string());
    steps.run(&format!("rpm {}", package.name), &mut command)?;
    println!("{}", path_of(architecture, package, to).display());
    Ok(())
}

fn path_of(architecture: &Architecture, package: &Package, to: &Path) -> PathBuf {
    let Architecture { name, .. } = architecture;
    to.join(format!("{}-{VERSION}-{RELEASE}.{name}.rpm", package.name))
}

/// What rpmbuild is told besides the spec: nothing of what it would do to files, and nothing
/// of the machine.
fn definitions(folder: &Path, to: &Path) -> Vec<String> {
    let define = |name: &str, value: &str| format!("--define={name} {value}");
    vec![
        define("_topdir", &folder.display().to_string()),
        define("_rpmdir", &to.display().to_string()),
        define("_rpmfilename", "%{NAME}-%{VERSION}-%{RELEASE}.%{ARCH}.rpm"),
        define("_buildhost", "rseq-owner"),
        define("_build_id_links", "none"),
        define("use_source_date_epoch_as_buildtime", "1"),
        define("clamp_mtime_to_source_date_epoch", "1"),
        define("debug_package", "%{nil}"),
        define("__os_install_post", "%{nil}"),
    ]
}

fn spec_of(package: &Package, root: &Path) -> Result<String, String> {
    let Contents { what, more, .. } = package.contents;
    let mut spec = format!(
        "Name: {}\nVersion: {VERSION}\nRelease: {RELEASE}\nSummary: {what}\n\
         License: MIT OR Apache-2.0\n{}\n%description\n{more}\n\n\
         %install\nmkdir -p %{{buildroot}}\ncp -a {}/. %{{buildroot}}\n\n{}%files\n",
        package.name,
        package.tags,
        root.display(),
        package.scripts,
    );
    let mut folders = BTreeSet::new();
    for path in files_below(root)? {
        let below = path.strip_prefix(root).unwrap_or(&path);
        let _ = writeln!(spec, "%attr(-, root, root) \"/{}\"", below.display());
        let is_ours = |folder: &&Path| folder.to_string_lossy().contains("rseq");
        let above = below.ancestors().skip(1).filter(is_ours);
        folders.extend(above.map(Path::to_owned));
    }
    for folder in folders {
        let _ = writeln!(spec, "%dir %attr(-, root, root) \"/{}\"", folder.display());
    }
    Ok(spec)
}
