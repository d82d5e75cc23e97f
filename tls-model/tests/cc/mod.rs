//! Small objects, built with the system's C compiler when a test runs.

#![allow(dead_code, reason = "each test program uses a part of it")]

use std::fs;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::path::{Path, PathBuf};
use std::process::Command;

/// A thread-local area as librseq and `TCMalloc` define it.
pub(crate) const DEFINES: &str = include_str!("defines.c");

/// A user of an area that somebody else defines.
pub(crate) const REFERENCES: &str = r#"
struct area { unsigned w[8]; } __attribute__((aligned(32)));
extern __thread struct area __rseq_abi __attribute__((tls_model("initial-exec")));
unsigned cpu(void) { return __rseq_abi.w[1]; }
"#;

/// A folder that goes away with its owner.
pub(crate) struct Folder(PathBuf);

impl Folder {
    /// A new one.
    pub(crate) fn new() -> Self {
        let number = RandomState::new().build_hasher().finish();
        let path = std::env::temp_dir().join(format!("tls-model-{number:016x}"));
        fs::create_dir(&path).expect("a new folder in the temporary folder");
        Self(path)
    }

    /// A path in it.
    pub(crate) fn join(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Compiles `source` with `flags` and returns the object's bytes.
    pub(crate) fn build(&self, source: &str, flags: &[&str]) -> Vec<u8> {
        fs::read(self.build_file("object", source, flags)).expect("the object just built")
    }

    /// Compiles `source` with `flags` to the file `name`.
    pub(crate) fn build_file(&self, name: &str, source: &str, flags: &[&str]) -> PathBuf {
        let code = self.join(&format!("{name}.c"));
        fs::write(&code, source).expect("a file in the temporary folder");
        let object = self.join(name);
        cc(&code, &object, flags);
        object
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // a folder left behind is the temporary folder's business
        drop(fs::remove_dir_all(&self.0));
    }
}

fn cc(code: &Path, object: &Path, flags: &[&str]) {
    let output = Command::new("cc")
        .args(["-O2", "-g0", "-o"])
        .arg(object)
        .arg(code)
        .args(flags)
        .output()
        .expect("these tests need a C compiler named cc");
    assert!(
        output.status.success(),
        "cc {flags:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}
