//! The crate that Rust programs are built with: the files that crates.io would get, to be
//! used from a folder, without a registry.

use std::collections::BTreeMap;
use std::io::Read as _;

use flate2::read::GzDecoder;

use super::files::{output, read};
use crate::step::Steps;

/// What is published of it.
const NAME: &str = "rseq-abi";

/// Of the checkout that a package was made in: not the same bytes for the same release.
const OF_THE_CHECKOUT: &str = ".cargo_vcs_info.json";

/// The files, by `CRATE-VERSION/FILE`.
pub(super) fn of_adopters(
    steps: &Steps,
    version: &str,
) -> Result<BTreeMap<String, Vec<u8>>, String> {
    let folder = tempfile::tempdir().map_err(|error| format!("no temporary folder: {error}"))?;
    let mut package = steps.cargo();
    package
        .args(["package", "--quiet", "--no-verify", "--allow-dirty"])
        .args(["--offline", "-p", NAME, "--target-dir"])
        .arg(folder.path());
    output(&mut package)?;
    let name = format!("{NAME}-{version}.crate");
    let path = folder.path().join("package").join(&name);
    let packed = read(&path)?;
    let unpack = || {
        let mut files = BTreeMap::new();
        for entry in tar::Archive::new(GzDecoder::new(&*packed)).entries()? {
            let mut entry = entry?;
            let path = entry.path()?.display().to_string();
            if path.ends_with(OF_THE_CHECKOUT) {
                continue;
            }
            let mut content = Vec::new();
            entry.read_to_end(&mut content)?;
            files.insert(path, content);
        }
        Ok(files)
    };
    unpack().map_err(|error: std::io::Error| format!("{name}: {error}"))
}
