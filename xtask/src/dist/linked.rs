//! The crates that are linked into the shipped files, from elsewhere.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::files::output;
use crate::step::Steps;

/// A crate.
pub(super) struct Crate {
    pub(super) name: String,
    pub(super) version: String,
    /// An SPDX expression, as its manifest says it.
    pub(super) licence: String,
    /// Where its sources are on this machine.
    pub(super) folder: PathBuf,
}

/// Returns them, sorted by name. Those of the workspace are not among them.
pub(super) fn crates(steps: &Steps) -> Result<Vec<Crate>, String> {
    let mut tree = steps.cargo();
    tree.args(["tree", "--prefix", "none", "--edges", "normal"]);
    tree.args(["--format", "{p}", "-p", "rseqctl", "-p", "rseq-shim"]);
    let tree = output(&mut tree)?;
    let mut metadata = steps.cargo();
    metadata.args(["metadata", "--format-version", "1"]);
    let metadata: Value = serde_json::from_str(&output(&mut metadata)?)
        .map_err(|error| format!("cargo metadata: {error}"))?;
    let mut crates = Vec::new();
    for package in metadata["packages"].as_array().into_iter().flatten() {
        let text = |key: &str| package[key].as_str().unwrap_or_default().to_owned();
        let (name, version) = (text("name"), text("version"));
        let line = format!("{name} v{version}");
        let is_linked = tree
            .lines()
            .any(|linked| linked.trim_end_matches(" (*)") == line);
        if package["source"].is_null() || !is_linked {
            continue;
        }
        let manifest = text("manifest_path");
        crates.push(Crate {
            name,
            version,
            licence: text("license"),
            folder: Path::new(&manifest)
                .parent()
                .unwrap_or(Path::new("/"))
                .to_owned(),
        });
    }
    crates.sort_by(|one, other| (&one.name, &one.version).cmp(&(&other.name, &other.version)));
    Ok(crates)
}
