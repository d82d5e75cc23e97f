//! A folder with libraries that the system's compiler builds.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

pub const DEFINES: &str = r#"
struct area { unsigned w[8]; } __attribute__((aligned(32)));
__thread struct area __rseq_abi __attribute__((tls_model("initial-exec"))) = { { 0, -1 } };
"#;
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
        let code = object.with_extension("c");
        fs::create_dir_all(object.parent().expect("a folder")).expect("a folder");
        fs::write(&code, source).expect("a file in the temporary folder");
        let output = Command::new("cc")
            .args(["-O2", "-o"])
            .args([&object, &code])
            .args(flags)
            .output()
            .expect("these tests need a C compiler named cc");
        let message = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "cc {flags:?}: {message}");
        fs::remove_file(code).expect("the source just written");
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
