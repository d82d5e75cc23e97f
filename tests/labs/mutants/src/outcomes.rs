//! What cargo-mutants writes down.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value;

use crate::equal;

/// What became of the mutants.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Outcomes {
    /// How many of each kind, by file.
    files: BTreeMap<String, BTreeMap<String, u32>>,
    /// Those that no test noticed and that do the same, with the reason.
    equal: Vec<String>,
    /// The others that no test noticed.
    pub survivors: Vec<String>,
}

impl Outcomes {
    /// Whether nothing was changed.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// Adds what an `outcomes.json` says.
    pub fn add(&mut self, text: &str) -> Result<(), String> {
        let root: Value =
            serde_json::from_str(text).map_err(|error| format!("outcomes.json: {error}"))?;
        let list = root["outcomes"].as_array().ok_or("no outcomes")?;
        for outcome in list {
            // the run of the unchanged tree is no mutant
            let mutant = &outcome["scenario"]["Mutant"];
            let (Some(file), Some(summary)) =
                (mutant["file"].as_str(), outcome["summary"].as_str())
            else {
                continue;
            };
            let name = mutant["name"].as_str().unwrap_or(file);
            let known = equal::known(name).filter(|_| summary == "MissedMutant");
            let summary = known.map_or(summary, |_| "Equal");
            let kinds = self.files.entry(file.to_owned()).or_default();
            *kinds.entry(summary.to_owned()).or_default() += 1;
            if let Some(known) = known {
                self.equal.push(format!("{name}: {}", known.reason));
            } else if summary == "MissedMutant" {
                self.survivors.push(name.to_owned());
            }
        }
        Ok(())
    }
}

impl fmt::Display for Outcomes {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            out,
            "| file | noticed | survived | does the same | does not build | too long |"
        )?;
        writeln!(out, "|---|---:|---:|---:|---:|---:|")?;
        for (file, kinds) in &self.files {
            let count = |kind| kinds.get(kind).copied().unwrap_or(0);
            writeln!(
                out,
                "| {file} | {} | {} | {} | {} | {} |",
                count("CaughtMutant"),
                count("MissedMutant"),
                count("Equal"),
                count("Unviable"),
                count("Timeout")
            )?;
        }
        for equal in &self.equal {
            writeln!(out, "does the same: {equal}")?;
        }
        for survivor in &self.survivors {
            writeln!(out, "survived: {survivor}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn survivors_are_told_and_the_unchanged_tree_is_none() {
        let text = r#"{"outcomes": [
            {"scenario": "Baseline", "summary": "Success"},
            {"scenario": {"Mutant": {"file": "a.rs", "name": "a.rs:1: x"}}, "summary": "CaughtMutant"},
            {"scenario": {"Mutant": {"file": "a.rs", "name": "a.rs:2: y"}}, "summary": "MissedMutant"}
        ]}"#;
        let mut outcomes = Outcomes::default();
        outcomes.add(text).unwrap();
        assert_eq!(outcomes.survivors, ["a.rs:2: y"]);
        let table = outcomes.to_string();
        assert!(
            table.contains("| a.rs | 1 | 1 | 0 | 0 | 0 |\nsurvived: a.rs:2: y\n"),
            "{table}"
        );
        assert!(outcomes.add("{}").is_err());
        let same = r#"{"outcomes": [{"scenario": {"Mutant": {"file": "x/slab.rs",
            "name": "x/slab.rs:1:2: replace | with ^ in retagged"}}, "summary": "MissedMutant"}]}"#;
        let mut outcomes = Outcomes::default();
        outcomes.add(same).unwrap();
        assert!(outcomes.survivors.is_empty());
        let table = outcomes.to_string();
        assert!(
            table.contains("| x/slab.rs | 0 | 0 | 1 | 0 | 0 |\n"),
            "{table}"
        );
    }
}
