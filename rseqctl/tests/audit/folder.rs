//! A folder with libraries that the system's compiler builds.

use std::path::PathBuf;

use rseq_kit::compile::{DEFINES, compile};
use tempfile::TempDir;

pub const BARE: [&str; 3] = ["-shared", "-fPIC", "-nostdlib"];

/// A folder with fixtures.
pub struct Folder(pub TempDir);

impl Folder {
    pub fn new() -> Self {
        Self(TempDir::new().expect("a folder in the temporary folder"))
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn build(&self, name: &str, source: &str, flags: &[&str]) -> PathBuf {
        let object = self.path(name);
        compile(source, flags, &object).expect("it compiles");
        object
    }

    /// A library that keeps every rule and earns a note.
    pub fn good(&self, name: &str) -> PathBuf {
        let flags = ["-Wl,-z,nodelete", "-Wl,--build-id=none"];
        self.build(name, DEFINES, &[&BARE[..], &flags].concat())
    }

    /// A library that earns a warning.
    pub fn hidden(&self, name: &str) -> PathBuf {
        let flags = ["-fvisibility=hidden"];
        self.build(name, DEFINES, &[&BARE[..], &flags].concat())
    }

    /// A library that earns an error.
    pub fn unloadable(&self, name: &str) -> PathBuf {
        self.build(name, DEFINES, &BARE)
    }
}
