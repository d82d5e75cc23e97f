//! Pinned PyPI packages, installed into the cache outside of the checkout.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rseq_kit::artifacts::room;
use rseq_kit::cache;
use rseq_kit::child::Program;
use rseq_kit::needs::python;

/// A client's package: the version and the hashes stand in its requirements.txt.
pub struct Pinned {
    title: &'static str,
    requirements: PathBuf,
    /// Name and version, as one word.
    pub version: String,
}

impl Pinned {
    /// The package of `clients/FOLDER`, which messages call `title`.
    ///
    /// # Errors
    ///
    /// Its requirements cannot be read, or name none.
    pub fn read(title: &'static str, folder: &str) -> Result<Self, String> {
        let requirements = room().join("clients").join(folder).join("requirements.txt");
        let text = fs::read_to_string(&requirements).map_err(|error| error.to_string())?;
        let version = text.split_whitespace().next();
        let version = version.ok_or_else(|| format!("no version of {title}"))?;
        Ok(Self {
            title,
            requirements,
            version: version.replace("==", "-"),
        })
    }

    /// Returns the folder that is kept under `name`, with the package and `file` in it,
    /// installed the first time.
    ///
    /// # Errors
    ///
    /// There is no Python, pip cannot install it, or it brings no such file.
    pub fn installed(&self, name: &str, file: &Path) -> Result<PathBuf, String> {
        cache::kept(name, |folder| {
            let installed = Program::with_callers_environment(python()?)
                .args(["-m", "pip", "install", "--quiet", "--no-deps"])
                .args(["--require-hashes", "--only-binary", ":all:"])
                .arg("--disable-pip-version-check")
                .args(["--target".as_ref(), folder.as_os_str()])
                .args(["--requirement".as_ref(), self.requirements.as_os_str()])
                .limit(Duration::from_secs(300))
                .run()?;
            if installed.code() != 0 || !folder.join(file).exists() {
                let last = installed.err.lines().last().unwrap_or_default();
                let title = self.title;
                return Err(format!("needs {title}, which pip cannot install: {last}"));
            }
            Ok(())
        })
    }
}
