//! A glibc with its series, built.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use crate::build;
use crate::own_tests::{self, OwnTest};
use crate::series::Series;
use rseq_kit::folder;
use rseq_kit::machine::Machine;
use rseq_lab_conformance::{Loader, Root};

/// Libraries that are no part of glibc (libgcc, libstdc++): the host's, or those of the
/// other machine's compiler.
const OTHER_LIBRARIES: [&str; 2] = ["/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu"];
const FOREIGN_LIBRARIES: [&str; 1] = ["/usr/aarch64-linux-gnu/lib"];

/// A built glibc.
#[derive(Clone, Debug)]
pub struct Patched {
    /// What it was built from.
    pub series: Series,
    /// Where it runs.
    pub machine: Machine,
    /// Its files, as below `/`.
    pub(super) folder: PathBuf,
}

impl Patched {
    /// The glibc `base` (`2.43`) with its series, built the first time.
    ///
    /// # Errors
    ///
    /// There is no such series, or it cannot be fetched, patched or built.
    pub fn of(base: &str) -> Result<Self, String> {
        Self::of_machine(base, Machine::X86_64)
    }

    /// The same for any machine.
    ///
    /// # Errors
    ///
    /// As [`Patched::of`].
    pub fn of_machine(base: &str, machine: Machine) -> Result<Self, String> {
        type Key = (String, Machine);
        static BUILT: Mutex<BTreeMap<Key, Result<Patched, String>>> = Mutex::new(BTreeMap::new());

        // one build at a time, each with all processors
        let mut built = BUILT.lock().unwrap_or_else(PoisonError::into_inner);
        built
            .entry((base.to_owned(), machine))
            .or_insert_with(|| Self::from(Series::read(base)?, machine))
            .clone()
    }

    /// The same glibc without the series, from the same source with the same
    /// options: what the patched one is measured against.
    ///
    /// # Errors
    ///
    /// As [`Patched::of`].
    pub fn stock(base: &str) -> Result<Self, String> {
        Self::from(Series::read(base)?.without_patches(), Machine::X86_64)
    }

    fn from(mut series: Series, machine: Machine) -> Result<Self, String> {
        let folder = build::kept(&series, machine)?;
        let version = folder.join(build::VERSION);
        series.version = fs::read_to_string(&version)
            .map_err(|error| format!("{}: {error}", version.display()))?;
        Ok(Self {
            series,
            machine,
            folder,
        })
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
            machine: self.machine,
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
        self.folder.join("lib").join(self.machine.libraries())
    }

    /// The folder with what a program is linked with.
    #[must_use]
    pub fn development(&self) -> PathBuf {
        self.folder.join("usr/lib").join(self.machine.libraries())
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
        let others: &[&str] = if self.machine.foreign().is_some() {
            &FOREIGN_LIBRARIES
        } else {
            &OTHER_LIBRARIES
        };
        Loader {
            ld_so: libraries.join(self.machine.linker_name()),
            libraries: std::iter::once(libraries)
                .chain(others.iter().map(PathBuf::from))
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
