//! A glibc with its series, built.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use crate::build;
use crate::own_tests::{self, OwnTest};
use crate::series::Series;
use rseq_kit::folder;
use rseq_lab_conformance::{Loader, Root};

/// The host's libraries, for what is no part of glibc (libgcc, libstdc++).
const HOST_LIBRARIES: [&str; 2] = ["/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu"];

/// A built glibc.
#[derive(Clone, Debug)]
pub struct Patched {
    /// What it was built from.
    pub series: Series,
    /// Its files, as below `/`.
    folder: PathBuf,
}

impl Patched {
    /// The glibc `base` (`2.43`) with its series, built the first time.
    ///
    /// # Errors
    ///
    /// There is no such series, or it cannot be fetched, patched or built.
    pub fn of(base: &str) -> Result<Self, String> {
        static BUILT: Mutex<BTreeMap<String, Result<Patched, String>>> =
            Mutex::new(BTreeMap::new());

        // one build at a time, each with all processors
        let mut built = BUILT.lock().unwrap_or_else(PoisonError::into_inner);
        built
            .entry(base.to_owned())
            .or_insert_with(|| Self::from(Series::read(base)?))
            .clone()
    }

    /// The same glibc without the series, from the same source with the same
    /// options: what the patched one is measured against.
    ///
    /// # Errors
    ///
    /// As [`Patched::of`].
    pub fn stock(base: &str) -> Result<Self, String> {
        Self::from(Series::read(base)?.without_patches())
    }

    fn from(mut series: Series) -> Result<Self, String> {
        let folder = build::kept(&series)?;
        let version = folder.join(build::VERSION);
        series.version = fs::read_to_string(&version)
            .map_err(|error| format!("{}: {error}", version.display()))?;
        Ok(Self { series, folder })
    }

    /// A copy of its shared libraries, below `folder`: what is compared in time
    /// must lie alike in the page cache, and have paths of the same length.
    ///
    /// # Errors
    ///
    /// It cannot be written.
    pub fn copied_to(&self, folder: &Path) -> Result<Self, String> {
        let say = |error: std::io::Error| format!("{}: {error}", folder.display());
        let copy = Self {
            series: self.series.clone(),
            folder: folder.to_owned(),
        };
        fs::create_dir_all(copy.libraries()).map_err(say)?;
        for from in folder::sorted(&self.libraries())? {
            let to = copy.libraries().join(from.file_name().unwrap_or_default());
            fs::copy(&from, to).map_err(say)?;
        }
        Ok(copy)
    }

    /// The folder of its shared libraries.
    #[must_use]
    pub fn libraries(&self) -> PathBuf {
        self.folder.join("lib/x86_64-linux-gnu")
    }

    /// The folder with what a program is linked with.
    #[must_use]
    pub fn development(&self) -> PathBuf {
        self.folder.join("usr/lib/x86_64-linux-gnu")
    }

    /// The folder with the headers that a stock glibc does not have.
    #[must_use]
    pub fn headers(&self) -> PathBuf {
        self.folder.join("usr/include")
    }

    /// How to start a program with it.
    #[must_use]
    pub fn loader(&self) -> Loader {
        let libraries = self.libraries();
        Loader {
            ld_so: libraries.join("ld-linux-x86-64.so.2"),
            libraries: std::iter::once(libraries)
                .chain(HOST_LIBRARIES.map(PathBuf::from))
                .filter(|folder| folder.is_dir())
                .collect(),
        }
    }

    /// The words that start `program` with it.
    #[must_use]
    pub fn command(&self, program: &Path) -> Vec<PathBuf> {
        let loader = self.loader();
        let folders: Vec<_> = loader
            .libraries
            .iter()
            .map(|folder| folder.display().to_string())
            .collect();
        vec![
            loader.ld_so,
            "--library-path".into(),
            folders.join(":").into(),
            program.into(),
        ]
    }

    /// The same as a root of the conformance suite.
    #[must_use]
    pub fn root(&self) -> Root {
        Root {
            name: format!("{} patched", self.series.base),
            glibc: self.series.glibc,
            loader: Some(self.loader()),
        }
    }

    /// What its own tests said.
    ///
    /// # Errors
    ///
    /// Nothing was kept of them.
    pub fn own_tests(&self) -> Result<Vec<OwnTest>, String> {
        own_tests::read(&self.folder)
    }
}
