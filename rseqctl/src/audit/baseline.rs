//! Findings that are known already.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, BufRead, BufReader, ErrorKind};
use std::path::Path;

use serde::Deserialize;

/// The findings of an earlier audit. A finding is known by its object's path
/// and its rule; what the message says may change.
#[derive(Clone, Debug, Default)]
pub struct Baseline(HashSet<(String, String)>);

/// What a baseline takes from a report.
#[derive(Deserialize)]
struct Object {
    path: String,
    findings: Vec<Finding>,
}

#[derive(Deserialize)]
struct Finding {
    rule: String,
}

#[derive(Deserialize)]
struct Report {
    objects: Vec<Object>,
}

impl Baseline {
    /// Reads a report that an audit wrote as ndjson or json.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or is no such report ([`ErrorKind::InvalidData`]).
    pub fn read(path: &Path) -> io::Result<Self> {
        Self::from_report(BufReader::new(File::open(path)?))
    }

    fn from_report(mut report: impl BufRead) -> io::Result<Self> {
        let mut known = Self::default();
        let bad = |error: serde_json::Error| {
            io::Error::new(
                ErrorKind::InvalidData,
                format!("not a report of --format ndjson or json: {error}"),
            )
        };
        // a json report starts with its own key, every line of ndjson with a path
        if report.fill_buf()?.starts_with(b"{\"objects\"") {
            let whole: Report = serde_json::from_reader(report).map_err(bad)?;
            whole
                .objects
                .into_iter()
                .for_each(|object| known.add(object));
            return Ok(known);
        }
        for object in serde_json::Deserializer::from_reader(report).into_iter::<Object>() {
            known.add(object.map_err(bad)?);
        }
        Ok(known)
    }

    fn add(&mut self, object: Object) {
        for finding in object.findings {
            self.0.insert((object.path.clone(), finding.rule));
        }
    }

    /// Whether nothing is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether the finding is known; `path` as a report shows it.
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
        for text in [&format!("{line}\n"), &json] {
            let baseline = Baseline::from_report(text.as_bytes()).expect("a report");
            assert!(baseline.has("/a", "x"), "{text}");
            assert!(!baseline.has("/a", "y") && !baseline.has("/b", "x"));
        }
        assert!(Baseline::from_report(&b"{}\n"[..]).is_err());
        assert!(Baseline::from_report(&b"text"[..]).is_err());
        assert!(Baseline::from_report(&b""[..]).expect("empty").is_empty());
    }
}
