//! Why a command was not started.

use std::ffi::OsString;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use tls_model::elf;

use super::environment::CannotPreload;
use super::hazard::Hazard;
use crate::exit::Status;
use crate::program::libraries;

/// Why a command was not started, or its report not written.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// No folder of `PATH` has it.
    NoSuchCommand(OsString),
    /// It is no regular file.
    NotAFile(PathBuf),
    /// It lacks the permission to be executed.
    NotExecutable(PathBuf),
    /// It is neither an ELF object nor a script.
    NotAProgram(PathBuf),
    /// It could not be read or executed.
    Execute {
        /// Its file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A library of `--may-load` could not be read.
    MayLoad {
        /// Its file.
        path: PathBuf,
        /// Why.
        source: NoObject,
    },
    /// The shim's libraries were not found.
    Libraries(libraries::Error),
    /// A library cannot be named in `LD_PRELOAD`.
    Preload(CannotPreload),
    /// It would do damage on this kernel.
    Hazard(Hazard),
    /// The report could not be prepared.
    Report {
        /// Where it was to go.
        place: PathBuf,
        /// What could not be done.
        what: &'static str,
        /// Why.
        source: io::Error,
    },
}

/// Why a file could not be read as an ELF object.
#[derive(Debug)]
#[non_exhaustive]
pub enum NoObject {
    /// It is no regular file.
    NotAFile,
    /// It could not be opened.
    Open(io::Error),
    /// It is no ELF object, or a damaged one.
    Elf(elf::Error),
}

impl Error {
    /// Returns the exit status of `rseqctl run` that goes with it.
    #[must_use]
    pub fn status(&self) -> Status {
        match self {
            Self::NoSuchCommand(_) => Status::NotFound,
            Self::Execute { source, .. } if source.kind() == io::ErrorKind::NotFound => {
                Status::NotFound
            }
            Self::NotAFile(_)
            | Self::NotExecutable(_)
            | Self::NotAProgram(_)
            | Self::Execute { .. } => Status::CannotExecute,
            Self::MayLoad { .. }
            | Self::Libraries(_)
            | Self::Preload(_)
            | Self::Hazard(_)
            | Self::Report { .. } => Status::RunFailed,
        }
    }

    pub(crate) fn execute(path: &Path, source: io::Error) -> Self {
        Self::Execute {
            path: path.to_path_buf(),
            source,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSuchCommand(name) => write!(f, "{}: no such command in PATH", name.display()),
            Self::NotAFile(path) => write!(f, "{}: not a regular file", path.display()),
            Self::NotExecutable(path) => write!(f, "{}: not executable", path.display()),
            Self::NotAProgram(path) => {
                write!(
                    f,
                    "{}: neither an ELF executable nor a script",
                    path.display()
                )
            }
            Self::Execute { path, .. } | Self::MayLoad { path, .. } => path.display().fmt(f),
            Self::Libraries(error) => error.fmt(f),
            Self::Preload(error) => error.fmt(f),
            Self::Hazard(hazard) => write!(f, "not started: {hazard}"),
            Self::Report { place, what, .. } => {
                write!(f, "{}: cannot {what}", place.display())
            }
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Execute { source, .. } | Self::Report { source, .. } => Some(source),
            Self::MayLoad { source, .. } => Some(source),
            Self::Libraries(error) => error.source(),
            Self::NoSuchCommand(_)
            | Self::NotAFile(_)
            | Self::NotExecutable(_)
            | Self::NotAProgram(_)
            | Self::Preload(_)
            | Self::Hazard(_) => None,
        }
    }
}

impl fmt::Display for NoObject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAFile => f.write_str("not a regular file"),
            Self::Open(error) => error.fmt(f),
            Self::Elf(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for NoObject {}

impl From<libraries::Error> for Error {
    fn from(error: libraries::Error) -> Self {
        Self::Libraries(error)
    }
}

impl From<CannotPreload> for Error {
    fn from(error: CannotPreload) -> Self {
        Self::Preload(error)
    }
}
