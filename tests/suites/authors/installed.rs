//! Where the headers are, the sources of these tests, and an installed copy.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use rseq_kit::artifacts::{artifacts, room, workspace};
use rseq_kit::child::Program;
use rseq_kit::needs::program;
use rseq_kit::scratch;

/// The folder of the headers.
pub fn include() -> PathBuf {
    workspace().join("loader-shim/include")
}

/// A source of `tests/authors`.
pub fn source(name: &str) -> PathBuf {
    room().join("authors").join(name)
}

/// A folder as the release tarball has it (the one that `RSEQ_TARBALL` names, where
/// there is one): `include`, `lib` and `lib/pkgconfig`.
pub fn install() -> Result<PathBuf, String> {
    static INSTALLED: LazyLock<Result<PathBuf, String>> = LazyLock::new(|| {
        let prefix = scratch::directory("installed")?;
        match std::env::var_os("RSEQ_TARBALL") {
            Some(tarball) => unpack(Path::new(&tarball), &prefix)?,
            None => copy(&prefix).map_err(|error| error.to_string())?,
        }
        Ok(prefix)
    });
    INSTALLED.clone()
}

fn unpack(tarball: &Path, prefix: &Path) -> Result<(), String> {
    Program::with_callers_environment(program("tar")?)
        .args(["--strip-components", "1", "-xzf"])
        .args([tarball, "-C".as_ref(), prefix])
        .run()?
        .expect(0)
        .map(drop)
}

/// What `cargo xtask dist` puts there.
fn copy(prefix: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let artifacts = artifacts()?;
    let (include_to, lib, pkgconfig) = (
        prefix.join("include"),
        prefix.join("lib"),
        prefix.join("lib/pkgconfig"),
    );
    fs::create_dir_all(&include_to)?;
    fs::create_dir_all(&pkgconfig)?;
    for name in ["rseq_abi.h", "rseq_shim.h"] {
        fs::copy(include().join(name), include_to.join(name))?;
    }
    for (file, name) in [
        (&artifacts.abi, "librseq_abi.so.1"),
        (&artifacts.shim, "librseq_shim.so.1"),
        (&artifacts.owner, "librseq_owner.a"),
    ] {
        fs::copy(file, lib.join(name))?;
    }
    for name in ["librseq_abi.so", "librseq_shim.so"] {
        symlink(format!("{name}.1"), lib.join(name))?;
    }
    for name in ["rseq-abi", "rseq-owner", "rseq-shim"] {
        let from = workspace().join(format!("loader-shim/pkgconfig/{name}.pc.in"));
        let text = fs::read_to_string(from)?.replace("@VERSION@", env!("CARGO_PKG_VERSION"));
        fs::write(pkgconfig.join(format!("{name}.pc")), text)?;
    }
    Ok(())
}
