//! Seeds of the fuzz targets, `tls-model/fuzz/corpus`.

use std::fs;
use std::path::{Path, PathBuf};

/// The corpus of a target.
#[must_use]
pub fn corpus(target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../tls-model/fuzz/corpus")
        .join(target)
}

/// Sees to it that the target has this seed. With `UPDATE_GOLDEN` it is written
/// anew.
///
/// # Panics
///
/// It is not there, or another one.
pub fn has(target: &str, name: &str, bytes: &[u8]) {
    let path = corpus(target).join(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, bytes).expect("a file of the checkout");
    }
    let found = fs::read(&path).unwrap_or_default();
    assert!(
        found == bytes,
        "{}: not what is made now; `cargo xtask golden` writes it",
        path.display()
    );
}
