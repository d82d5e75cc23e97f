//! The licences of what is linked into the shipped files: most want their text to
//! go with the program.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use super::files::{files_of, output, read};
use crate::step::Steps;

/// The texts, by `CRATE-VERSION/FILE`.
pub fn of_dependencies(steps: &Steps) -> Result<BTreeMap<String, Vec<u8>>, String> {
    let mut tree = steps.cargo();
    tree.args(["tree", "--prefix", "none", "--edges", "normal"]);
    tree.args(["--format", "{p}", "-p", "rseqctl", "-p", "rseq-shim"]);
    let tree = output(&mut tree)?;
    let mut metadata = steps.cargo();
    metadata.args(["metadata", "--format-version", "1"]);
    let metadata: Value = serde_json::from_str(&output(&mut metadata)?)
        .map_err(|error| format!("cargo metadata: {error}"))?;
    let mut texts = BTreeMap::new();
    for package in metadata["packages"].as_array().into_iter().flatten() {
        let text = |key: &str| package[key].as_str().unwrap_or_default();
        let (name, version) = (text("name"), text("version"));
        let line = format!("{name} v{version}");
        // those of the workspace have the workspace's licences
        let is_linked = tree
            .lines()
            .any(|linked| linked.trim_end_matches(" (*)") == line);
        if package["source"].is_null() || !is_linked {
            continue;
        }
        let folder = Path::new(text("manifest_path"))
            .parent()
            .unwrap_or(Path::new("/"));
        let mut found = false;
        for path in files_of(folder)? {
            let file = path.file_name().unwrap_or_default().to_string_lossy();
            let upper = file.to_uppercase();
            if ["LICEN", "COPYING", "NOTICE", "UNLICENSE"]
                .iter()
                .any(|start| upper.starts_with(start))
            {
                texts.insert(format!("{name}-{version}/{file}"), read(&path)?);
                found = true;
            }
        }
        if !found {
            let says = format!("{name} {version}: {}\n", text("license"));
            texts.insert(format!("{name}-{version}/LICENCE"), says.into_bytes());
        }
    }
    Ok(texts)
}
