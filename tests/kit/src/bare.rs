//! A root of Debian's essential packages, a compiler and make, and nothing else.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use crate::cache;
use crate::child::Program;
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
///
/// # Errors
///
/// It cannot be made.
pub fn root() -> Result<PathBuf, String> {
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
