//! Where the programs run: with the C library of this machine, or of any other
//! Debian release.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::cell::Loader;
use rseq_kit::foreign::Libc;
use rseq_kit::machine::Machine;
use rseq_kit::sys;

/// The packages that a program of the suite needs at run time: libgcc's unwinder
/// is opened by pthread_exit and pthread_cancel.
pub const PACKAGES: [&str; 2] = ["libc6", "libgcc-s1"];

/// The Debian releases of the glibc matrix, with their glibcs.
pub const RELEASES: [(&str, (u32, u32)); 4] = [
    ("bullseye", (2, 31)),
    ("bookworm", (2, 36)),
    ("trixie", (2, 41)),
    ("forky", (2, 43)),
];

/// A C library to run with.
#[derive(Clone, Debug)]
pub struct Root {
    /// `host`, or the name of a Debian release.
    pub name: String,
    /// Its version.
    pub glibc: (u32, u32),
    /// How a program is started with it; on the host as any other program.
    pub loader: Option<Loader>,
}

impl Root {
    /// This machine's own.
    ///
    /// # Errors
    ///
    /// It is no glibc.
    pub fn host() -> Result<Self, String> {
        Ok(Self {
            name: "host".to_owned(),
            glibc: sys::glibc_version().ok_or("needs glibc")?,
            loader: None,
        })
    }

    /// The root of this name: `host`, or a Debian release, which is downloaded
    /// the first time.
    ///
    /// # Errors
    ///
    /// There is no such release, or it cannot be had.
    pub fn open(name: &str) -> Result<Self, String> {
        Self::open_for(name, Machine::X86_64)
    }

    /// The same for another machine, of which no `host` is.
    ///
    /// # Errors
    ///
    /// As [`Self::open`].
    pub fn open_for(name: &str, machine: Machine) -> Result<Self, String> {
        type Key = (String, Machine);
        static OPEN: Mutex<BTreeMap<Key, Result<Root, String>>> = Mutex::new(BTreeMap::new());

        // asking apt takes its time
        let mut open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
        open.entry((name.to_owned(), machine))
            .or_insert_with(|| Self::find(name, machine))
            .clone()
    }

    fn find(name: &str, machine: Machine) -> Result<Self, String> {
        if name == "host" && machine.foreign().is_none() {
            return Self::host();
        }
        let release = RELEASES.into_iter().find(|(known, _)| *known == name);
        let (_, glibc) = release.ok_or_else(|| {
            let names = RELEASES.map(|(name, _)| name).join(", ");
            format!("no root {name:?}; there are host, {names}")
        })?;
        if machine.foreign().is_none() {
            return Self::of(name, glibc, Libc::of(name)?.root());
        }
        Self::of(name, glibc, &machine.suite(name)?.root(&PACKAGES)?)
    }

    /// The glibc in a folder that looks like `/`.
    ///
    /// # Errors
    ///
    /// There is none.
    pub fn of(name: &str, glibc: (u32, u32), folder: &Path) -> Result<Self, String> {
        let libraries: Vec<PathBuf> = Machine::ALL
            .into_iter()
            .flat_map(|machine| ["lib", "usr/lib"].map(|lib| (lib, machine.libraries())))
            .map(|(lib, below)| folder.join(lib).join(below))
            .filter(|path| path.is_dir())
            .collect();
        let linkers = Machine::ALL.map(Machine::linker_name);
        let ld_so = libraries
            .iter()
            .flat_map(|folder| linkers.map(|name| folder.join(name)))
            .find(|path| path.is_file())
            .ok_or_else(|| format!("no ld.so in {}", folder.display()))?;
        Ok(Self {
            name: name.to_owned(),
            glibc,
            loader: Some(Loader { ld_so, libraries }),
        })
    }
}
