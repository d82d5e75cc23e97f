//! Packages for distributions and for pip, made of the release tarball.

mod contents;
mod deb;
mod installed;
mod oci;
mod rpm;
mod tree;
mod wheel;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tree::Tree;

use crate::architecture::Architecture;
use crate::dist;
use crate::step::Steps;

/// Makes the packages of release tarballs, in the folder `to`, or in `target/package`.
pub fn run(steps: &mut Steps, tarballs: &[PathBuf], to: Option<PathBuf>) -> Result<(), String> {
    let to = to.unwrap_or_else(|| steps.target().join("package"));
    tarballs.iter().try_for_each(|it| of_one(steps, it, &to))
}

fn of_one(steps: &mut Steps, tarball: &Path, to: &Path) -> Result<(), String> {
    let architecture = dist::architecture_of(tarball)
        .ok_or_else(|| format!("{}: no architecture in its name", tarball.display()))?;
    let root = to.join("tree");
    dist::files::emptied(&root)?;
    let mut tar = Command::new("tar");
    tar.args(["-x", "--strip-components=1", "-C"])
        .arg(&root)
        .arg("-f")
        .arg(tarball);
    steps.run("unpack the tarball", &mut tar)?;
    pkg_config(architecture, &root)?;
    let tree = Tree::new(root, dist::commit_time(steps.root())?);
    for package in deb::make(steps, architecture, &tree, to)? {
        println!("{}", package.display());
    }
    rpm::make(steps, architecture, &tree, to)?;
    steps.own("image", || {
        println!("{}", oci::make(architecture, &tree, to)?.display());
        Ok(())
    })?;
    let module = steps.root().join("rseqctl/python/rseqctl");
    steps.own("wheel", || {
        let wheel = wheel::make(architecture, &tree, &module, to)?;
        println!("{}", wheel.display());
        Ok(())
    })
}

/// Adds pkg-config files for a system's folders.
fn pkg_config(architecture: &Architecture, root: &Path) -> Result<(), String> {
    let say = |path: &Path| {
        let path = path.to_owned();
        move |error: std::io::Error| format!("{}: {error}", path.display())
    };
    let folder = root.join("pkgconfig");
    fs::create_dir_all(&folder).map_err(say(&folder))?;
    for name in dist::layout::PKG_CONFIG {
        let from = root.join(format!("lib/pkgconfig/{name}.pc"));
        let text = fs::read_to_string(&from).map_err(say(&from))?;
        // where packages of distributions are, libraries are not below the prefix's lib
        let text = text
            .replace("prefix=${pcfiledir}/../..", "prefix=/usr")
            .replace(
                "libdir=${prefix}/lib",
                &format!("libdir=${{prefix}}/lib/{}", architecture.libraries),
            );
        let to = folder.join(format!("{name}.pc"));
        fs::write(&to, text).map_err(say(&to))?;
    }
    Ok(())
}
