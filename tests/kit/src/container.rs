//! The root folder of a small container, made from Debian's packages.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use crate::debian::Suite;
use crate::needs::{Asked, Need};

/// The packages of the container's root, which apt can download.
pub const NEED: Need = Need::new(&Asked("container", || root().map(drop)));

/// glibc, the compiler's runtime, a shell.
const PACKAGES: [&str; 3] = ["libc6", "libgcc-s1", "dash"];

/// Returns the folder, unpacked once; to be copied, not changed.
///
/// # Errors
///
/// The packages cannot be had.
pub fn root() -> Result<&'static Path, String> {
    static ROOT: LazyLock<Result<PathBuf, String>> =
        LazyLock::new(|| Suite::open("bookworm")?.root(&PACKAGES));
    ROOT.as_deref().map_err(Clone::clone)
}
