//! A folder with a library, and what packs it.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use rseq_kit::compile::{DEFINES, compile};
use rseq_kit::needs::{Need, Tool};
use serde_json::Value;
use tempfile::TempDir;

pub const PACKERS: [Need; 4] = [
    Need::new(&Tool("xz")),
    Need::new(&Tool("bzip2")),
    Need::new(&Tool("zstd")),
    Need::new(&Tool("zip")),
];

pub struct Folder(pub TempDir);

impl Folder {
    /// With a library in `tree/usr/lib/liba.so`.
    pub fn new() -> Self {
        let folder = Self(TempDir::new().expect("a temporary folder"));
        fs::create_dir_all(folder.path("tree/usr/lib")).expect("a folder");
        let flags = ["-shared", "-fPIC", "-nostdlib", "-Wl,-z,nodelete"];
        compile(DEFINES, &flags, &folder.path("tree/usr/lib/liba.so")).expect("a library");
        fs::write(folder.path("defines.c"), DEFINES).expect("a temporary file");
        folder
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn library(&self) -> Vec<u8> {
        fs::read(self.path("tree/usr/lib/liba.so")).expect("just built")
    }

    /// Runs a shell script in the folder.
    pub fn shell(&self, script: &str) {
        let status = Command::new("sh")
            .args(["-euc", script])
            .current_dir(&self.0)
            .stderr(Stdio::null())
            .stdout(Stdio::null())
            .status();
        assert!(status.expect("sh starts").success(), "{script}");
    }

    pub fn audit(&self, names: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_rseqctl"))
            .args(["audit", "--format", "ndjson"])
            .args(names)
            .current_dir(&self.0)
            .output()
            .expect("the command starts")
    }

    /// What is found, and what is complained of.
    pub fn found(&self, name: &str) -> (Vec<String>, String) {
        let output = self.audit(&[name]);
        let rows = String::from_utf8(output.stdout).expect("UTF-8");
        let paths = rows.lines().map(|line| {
            let row: Value = serde_json::from_str(line).expect("JSON");
            row["path"].as_str().expect("a path").to_owned()
        });
        let complaints = String::from_utf8(output.stderr).expect("UTF-8");
        assert!(
            matches!(output.status.code(), Some(0..=3)),
            "{name}: {complaints}"
        );
        (paths.collect(), complaints)
    }

    pub fn finds(&self, name: &str, inner: &[&str]) {
        let expected: Vec<_> = inner.iter().map(|inner| format!("{name}{inner}")).collect();
        assert_eq!(self.found(name), (expected, String::new()), "{name}");
    }
}
