//! Which host a row comes from, and when: the keys by which rows of many hosts are
//! put side by side.
//!
//! Rows carry them only where the user asks (`--fleet`): without them a report
//! is the same for the same input.

use std::fs;
use std::path::Path;
use std::time::SystemTime;

use schemars::JsonSchema;
use serde::Serialize;

/// The keys.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(title = "rseqctl --fleet, the first keys of every line of ndjson")]
pub struct Host {
    /// The subcommand that wrote the row.
    pub report: Reporter,
    /// The host: what `--fleet=NAME` says, else machine-id(5), else the host
    /// name.
    pub host: String,
    /// The host name, as uname(2) has it.
    pub hostname: String,
    /// The kernel's id of this boot; null where it does not tell.
    pub boot: Option<String>,
    /// When the report was started, by RFC 3339 in UTC, in seconds.
    pub time: String,
}

impl Host {
    /// Returns the keys of this host, now, for the rows of `report`.
    #[must_use]
    pub fn here(report: Reporter, name: Option<&str>) -> Self {
        let hostname = line("/proc/sys/kernel/hostname").unwrap_or_default();
        let host = name
            .filter(|name| !name.is_empty())
            .map(str::to_owned)
            .or_else(|| machine_id(Path::new("/etc/machine-id")))
            .unwrap_or_else(|| hostname.clone());
        Self {
            report,
            host,
            hostname,
            boot: line("/proc/sys/kernel/random/boot_id"),
            time: humantime::format_rfc3339_seconds(SystemTime::now()).to_string(),
        }
    }
}

/// Whether rows carry the host's keys, and by which name it goes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fleet(Option<String>);

impl Fleet {
    /// Makes rows carry them; `name` is the host's, unless it is empty.
    #[must_use]
    pub fn named(name: impl Into<String>) -> Self {
        Self(Some(name.into()))
    }

    /// Returns the host's keys for the rows of `report`, where they were asked
    /// for.
    #[must_use]
    pub fn host(&self, report: Reporter) -> Option<Host> {
        let name = self.0.as_deref()?;
        Some(Host::here(report, Some(name)))
    }
}

/// A subcommand whose rows can carry a host's keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub enum Reporter {
    /// `rseqctl audit`.
    Audit,
    /// `rseqctl ps`.
    Ps,
    /// `rseqctl doctor`.
    Doctor,
}

/// A row with the host's keys before its own, where there are any.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Keyed<'a, T> {
    /// The host's keys.
    #[serde(flatten)]
    pub host: Option<&'a Host>,
    /// The row.
    #[serde(flatten)]
    pub row: &'a T,
}

/// Returns the first line of a file, if it has something on it.
fn line(path: &str) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    let line = text.lines().next()?.trim();
    (!line.is_empty()).then(|| line.to_owned())
}

/// Returns the machine id, 32 hexadecimal digits; an image that has not been started yet says
/// "uninitialized", or nothing.
fn machine_id(path: &Path) -> Option<String> {
    let id = line(path.to_str()?)?;
    let is_id = id.len() == 32 && id.bytes().all(|digit| digit.is_ascii_hexdigit());
    is_id.then_some(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Serialize)]
    struct Row {
        path: &'static str,
    }

    #[test]
    fn keys_come_first_and_only_where_asked() {
        let row = Row { path: "/a" };
        let plain = Keyed {
            host: None,
            row: &row,
        };
        let text = serde_json::to_string(&plain).expect("JSON");
        assert_eq!(text, r#"{"path":"/a"}"#);

        let host = Host::here(Reporter::Audit, Some("web-1"));
        let keyed = Keyed {
            host: Some(&host),
            row: &row,
        };
        let text = serde_json::to_string(&keyed).expect("JSON");
        let start = r#"{"report":"audit","host":"web-1","hostname":""#;
        assert!(text.starts_with(start), "{text}");
        assert!(text.ends_with(r#"Z","path":"/a"}"#), "{text}");
    }

    #[test]
    fn only_an_id_is_an_id() {
        let folder = tempfile::TempDir::new().expect("a temporary folder");
        let path = folder.path().join("machine-id");
        for (text, is_id) in [
            ("3d1219c7c4c5404aaa1f6d2a48adfda4\n", true),
            ("uninitialized\n", false),
            ("", false),
        ] {
            fs::write(&path, text).expect("a temporary file");
            assert_eq!(machine_id(&path).is_some(), is_id, "{text:?}");
        }
        assert_eq!(machine_id(&folder.path().join("none")), None);
    }
}
