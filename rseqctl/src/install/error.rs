//! Why nothing was switched on or off.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use super::image::Unfit;
use crate::program::libraries;
use crate::report::text::printable;

/// Why `enable` or `disable` has changed nothing.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// A file cannot be read.
    Read(PathBuf, io::Error),
    /// A file cannot be written.
    Write(PathBuf, io::Error),
    /// A link, a folder or a device stands where a file has to.
    NoFile(PathBuf),
    /// A link within the root leads elsewhere.
    LeadsElsewhere(PathBuf),
    /// There is no such root.
    NoRoot(PathBuf),
    /// There is no home folder.
    NoHome,
    /// A path has letters that the dynamic linker or systemd would take for others.
    Path(PathBuf),
    /// The file names the copy in a line with others.
    Mixed(PathBuf),
    /// The file names another copy.
    OtherCopy(PathBuf, PathBuf),
    /// The file is not as `enable` has written it.
    Edited(PathBuf),
    /// The file sets `LD_PRELOAD` for the manager.
    OtherPreload(PathBuf),
    /// The place of the copy holds another file.
    NotOurs(PathBuf),
    /// The shim is not one that could be installed.
    Unfit(PathBuf, Unfit),
    /// There are no libraries.
    Libraries(libraries::Error),
    /// A program did not start with the copy, or without a complaint.
    Trial(String),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |path: &Path| printable(path);
        match self {
            Self::Read(path, _) | Self::Write(path, _) | Self::Unfit(path, _) => {
                f.write_str(&text(path))
            }
            Self::NoFile(path) => {
                write!(
                    f,
                    "{}: it is not a regular file; remove it first",
                    text(path)
                )
            }
            Self::LeadsElsewhere(path) => write!(
                f,
                "{}: it is a link, which may lead out of the root",
                text(path)
            ),
            Self::NoRoot(path) => {
                write!(f, "--root {}: no such folder; check the path", text(path))
            }
            Self::NoHome => f.write_str("HOME is not set to a folder; set it"),
            Self::Path(path) => write!(
                f,
                "{}: LD_PRELOAD cannot name it; it may have letters, digits and ._-+@~ alone",
                text(path)
            ),
            Self::Mixed(path) => write!(
                f,
                "{}: it names the library in a line with others; give it a line of its own",
                text(path)
            ),
            Self::OtherCopy(path, other) => write!(
                f,
                "{}: it names another copy, {}; take that line out first",
                text(path),
                text(other)
            ),
            Self::Edited(path) => write!(
                f,
                "{}: it is not as rseqctl has written it; remove it by hand",
                text(path)
            ),
            Self::OtherPreload(path) => write!(
                f,
                "{}: it sets LD_PRELOAD already, and one would replace the other; take it out first",
                text(path)
            ),
            Self::NotOurs(path) => write!(
                f,
                "{}: rseqctl has not put it there; move it away first",
                text(path)
            ),
            Self::Libraries(error) => error.fmt(f),
            Self::Trial(why) => write!(f, "not switched on: {why}"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Read(_, source) | Self::Write(_, source) => Some(source),
            Self::Unfit(_, source) => Some(source),
            Self::Libraries(error) => error.source(),
            _ => None,
        }
    }
}
