//! Processes as they are seen from outside.

use std::collections::BTreeMap;
use std::path::Path;
use std::{fmt, fs};

use rseq_kit::child::Program;
use serde_json::Value;

/// What `rseqctl ps` says about a process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The owner, in its word.
    pub owner: String,
    /// Threads that are registered.
    pub registered: u64,
    /// All threads.
    pub threads: u64,
}

impl Seen {
    /// Looks at a process.
    ///
    /// # Errors
    ///
    /// It cannot be looked at, or has ended.
    pub fn of(rseqctl: &Path, process: i32) -> Result<Self, String> {
        let finished = Program::new(rseqctl)
            .args(["ps", "--format", "ndjson", "--fail-on", "never"])
            .arg(process.to_string())
            .run()?;
        let row: Value = serde_json::from_str(finished.out.lines().next().unwrap_or_default())
            .map_err(|error| format!("{error}: {}", finished.err))?;
        let count = |name: &str| row[name].as_u64().unwrap_or(0);
        Ok(Self {
            owner: row["owner"].as_str().unwrap_or("nobody").to_owned(),
            registered: count("registered"),
            threads: row["threads"].as_array().map_or(0, Vec::len) as u64,
        })
    }

    /// Returns whether every thread is registered.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.registered == self.threads
    }
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}/{}", self.owner, self.registered, self.threads)
    }
}

/// The processes below one, it included, each with its executable's name.
#[must_use]
pub fn family(of: i32) -> BTreeMap<i32, String> {
    let mut parents = BTreeMap::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let name = entry.file_name();
        let Some(id) = name.to_str().and_then(|it| it.parse::<i32>().ok()) else {
            continue;
        };
        let status = fs::read_to_string(entry.path().join("status")).unwrap_or_default();
        let parent = status.lines().find_map(|line| line.strip_prefix("PPid:"));
        if let Some(parent) = parent.and_then(|it| it.trim().parse::<i32>().ok()) {
            parents.insert(id, parent);
        }
    }
    let is_below = |mut id: i32| loop {
        if id == of {
            return true;
        }
        match parents.get(&id) {
            Some(&parent) if parent != id => id = parent,
            _ => return false,
        }
    };
    parents
        .keys()
        .copied()
        .filter(|&id| is_below(id))
        .map(|id| (id, executable(id)))
        .collect()
}

fn executable(id: i32) -> String {
    fs::read_link(format!("/proc/{id}/exe"))
        .map(|path| path.display().to_string())
        .unwrap_or_default()
}

/// Whether one of a process's arguments holds a text.
#[must_use]
pub fn is_told(id: i32, text: &str) -> bool {
    let words = fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
    String::from_utf8_lossy(&words).contains(text)
}

/// Whether a process has inherited that its libc is not to register.
#[must_use]
pub fn is_tuned(id: i32) -> bool {
    let variables = fs::read(format!("/proc/{id}/environ")).unwrap_or_default();
    String::from_utf8_lossy(&variables).contains("glibc.pthread.rseq=0")
}

/// Whether a process has glibc in it.
#[must_use]
pub fn has_glibc(id: i32) -> bool {
    let maps = fs::read_to_string(format!("/proc/{id}/maps")).unwrap_or_default();
    // up to glibc 2.34 its file is libc-VERSION.so
    maps.contains("/libc.so.6") || maps.contains("/libc-2.")
}
