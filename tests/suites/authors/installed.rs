//! Where the sources of these tests are, and what a release installs.

use std::path::PathBuf;

use rseq_kit::artifacts::room;
use rseq_kit::release;

/// A source of `tests/authors`.
pub fn source(name: &str) -> PathBuf {
    room().join("authors").join(name)
}

/// The folder of a release: `include`, `lib` and `lib/pkgconfig`.
pub fn install() -> Result<PathBuf, String> {
    release::unpacked()
}

/// The folder of the installed headers.
pub fn include() -> Result<PathBuf, String> {
    Ok(install()?.join("include"))
}

/// The installed archive that makes a program an owner.
pub fn archive() -> Result<PathBuf, String> {
    Ok(install()?.join("lib/librseq_owner.a"))
}

/// The folder of the installed crate.
pub fn adopter() -> Result<PathBuf, String> {
    let name = concat!("rseq-abi-", env!("CARGO_PKG_VERSION"));
    Ok(install()?.join("share/cargo/registry").join(name))
}
