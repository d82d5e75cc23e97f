//! The bill of materials: what the shipped files are made of, as CycloneDX 1.6 JSON
//! (ECMA-424). Without a date and a serial number, which are optional: the same commit
//! gives the same bytes.

use serde_json::{Value, json};

use super::linked::Crate;

/// Where it is in the tarball.
pub(super) const PLACE: &str = "share/rseq-owner/sbom.cdx.json";

/// Returns the document.
pub(super) fn of(version: &str, linked: &[Crate]) -> String {
    let components: Vec<Value> = linked.iter().map(component).collect();
    let all: Vec<String> = linked.iter().map(reference).collect();
    let root = format!("pkg:generic/rseq-owner@{version}");
    let document = json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": { "component": {
            "type": "application",
            "bom-ref": root,
            "name": "rseq-owner",
            "version": version,
            "purl": root,
            "licenses": [{ "expression": "MIT OR Apache-2.0" }],
        }},
        "components": components,
        // which of them uses which is in Cargo.lock
        "dependencies": [{ "ref": root, "dependsOn": all }],
    });
    format!("{document:#}\n")
}

fn component(linked: &Crate) -> Value {
    json!({
        "type": "library",
        "bom-ref": reference(linked),
        "name": linked.name,
        "version": linked.version,
        "purl": reference(linked),
        // older manifests have a slash where SPDX has OR
        "licenses": [{ "expression": linked.licence.replace('/', " OR ") }],
    })
}

/// The package URL of a crate.
fn reference(linked: &Crate) -> String {
    // a plus sign stands for a blank in URLs
    format!(
        "pkg:cargo/{}@{}",
        linked.name,
        linked.version.replace('+', "%2B")
    )
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::super::linked;
    use super::*;
    use crate::step::Steps;

    #[test]
    fn every_linked_crate_is_in_it_once_and_with_its_licence() -> Result<(), String> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let linked = linked::crates(&Steps::new(root))?;
        let document: Value =
            serde_json::from_str(&of("0.1", &linked)).map_err(|it| it.to_string())?;
        let components = document["components"].as_array().ok_or("no components")?;
        let names: BTreeSet<_> = components.iter().map(|it| it["bom-ref"].as_str()).collect();
        assert_eq!(names.len(), linked.len());
        for name in ["goblin", "clap", "flate2"] {
            let component = components.iter().find(|it| it["name"] == name);
            let licence = &component.ok_or(name)?["licenses"][0]["expression"];
            assert!(
                licence.as_str().is_some_and(|it| it.contains("MIT")),
                "{name}"
            );
        }
        Ok(())
    }
}
