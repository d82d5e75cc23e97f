//! Findings that are known already.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, BufRead, BufReader, ErrorKind};
use std::path::Path;

use serde::Deserialize;

/// The findings of an earlier report of `audit` or `ps`. A finding is known by the path
/// of its object or program and its rule; what the message says may change.
#[derive(Clone, Debug, Default)]
pub struct Baseline(HashSet<(String, String)>);

/// What a baseline takes from a report: a row about an object, or a process.
#[derive(Deserialize)]
struct KnownRow {
    #[serde(alias = "exe")]
    path: Option<String>,
    findings: Vec<KnownFinding>,
}

#[derive(Deserialize)]
struct KnownFinding {
    rule: String,
}

/// A line of ndjson, or a document of json: with `--fleet` both begin with the
/// same key.
#[derive(Deserialize)]
#[serde(untagged)]
enum ReportPart {
    Document {
        #[serde(alias = "processes")]
        objects: Vec<KnownRow>,
    },
    Line(KnownRow),
}

impl Baseline {
    /// Reads a report that `audit` or `ps` wrote as ndjson or json.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or is no such report ([`ErrorKind::InvalidData`]).
    pub fn read(path: &Path) -> io::Result<Self> {
        Self::from_report(BufReader::new(File::open(path)?))
    }

    fn from_report(report: impl BufRead) -> io::Result<Self> {
        let mut known = Self::default();
        for part in serde_json::Deserializer::from_reader(report).into_iter::<ReportPart>() {
            let part = part.map_err(|error| {
                io::Error::new(
                    ErrorKind::InvalidData,
                    format!("not a report of --format ndjson or json: {error}"),
                )
            })?;
            match part {
                ReportPart::Document { objects } => {
                    for row in objects {
                        known.add(row);
                    }
                }
                ReportPart::Line(row) => known.add(row),
            }
        }
        Ok(known)
    }

    fn add(&mut self, row: KnownRow) {
        let path = row.path.unwrap_or_default();
        for finding in row.findings {
            self.0.insert((path.clone(), finding.rule));
        }
    }

    /// Returns whether nothing is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns whether the finding is known; `path` as a report shows it.
    #[must_use]
    pub fn has(&self, path: &str, rule: &str) -> bool {
        self.0.contains(&(path.to_owned(), rule.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_machine_formats_are_baselines() {
        let line =
            r#"{"path":"/a","findings":[{"rule":"x","level":"note","message":"m"}],"more":1}"#;
        let json = format!("{{\"objects\":[{line}\n],\"problems\":[]}}");
        let fleet_line = line.replacen('{', r#"{"report":"audit","host":"h","#, 1);
        let fleet_json = json.replacen('{', r#"{"host":{"host":"h"},"#, 1);
        let process = line.replacen("path", "exe", 1);
        let processes = json.replacen("objects", "processes", 1);
        for text in [
            &format!("{line}\n"),
            &json,
            &fleet_line,
            &fleet_json,
            &process,
            &processes,
        ] {
            let baseline = Baseline::from_report(text.as_bytes()).expect("a report");
            assert!(baseline.has("/a", "x"), "{text}");
            assert!(!baseline.has("/a", "y") && !baseline.has("/b", "x"));
        }
        assert!(Baseline::from_report(&b"{}\n"[..]).is_err());
        assert!(Baseline::from_report(&b"text"[..]).is_err());
        assert!(Baseline::from_report(&b""[..]).expect("empty").is_empty());
    }
}
