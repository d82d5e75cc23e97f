//! Why an input could not be used, in words that a person can act on.

use std::fmt;
use std::fs::FileType;
use std::io;
use std::os::unix::fs::FileTypeExt;

use tls_model::elf::Error;
use tls_model::facts::Damage;
use tls_model::report::ObjectReport;

use super::budget::{Budget, Exceeded};
use crate::report::text;

/// Why an input could not be used, or not in full.
#[derive(Debug)]
pub enum Problem {
    /// The operating system refused.
    Io(io::Error),
    /// Neither a file nor a folder, so it was not opened.
    Special(&'static str),
    /// A file that is no ELF object.
    NotElf,
    /// Not even the ELF header could be used.
    Unusable(Error),
    /// Some tables could not be used; the facts are those of the others.
    Damaged {
        /// Which.
        parts: Damage,
        /// The file ends before they do.
        truncated: bool,
    },
    /// Its tables lead to the same bytes again and again.
    Endless,
    /// A container that could not be read to its end; why.
    Container(String),
    /// It holds something that is not looked into; what, and what to do.
    Unread(&'static str, &'static str),
    /// A container that unpacks to more than the limits allow.
    Limit(Exceeded),
}

impl Problem {
    /// An object file without machine code.
    pub(super) const INTERMEDIATE: Self = Self::Unread(
        "a compiler's intermediate code for link-time optimisation",
        "audit what is linked of it",
    );

    /// A file system behind a program that mounts it, as in AppImages.
    pub(super) const FILE_SYSTEM: Self = Self::Unread(
        "a squashfs file system behind the program",
        "unpack it and audit what comes of it",
    );

    /// Returns the problem of a name that is neither a file nor a folder.
    pub(super) fn special(kind: FileType) -> Self {
        Self::Special(if kind.is_fifo() {
            "a FIFO"
        } else if kind.is_socket() {
            "a socket"
        } else if kind.is_char_device() || kind.is_block_device() {
            "a device"
        } else {
            "of an unknown kind"
        })
    }

    pub(super) fn from_elf(error: Error) -> Self {
        match error {
            Error::NotElf => Self::NotElf,
            Error::Read(error) => Self::Io(read_error(error.errno)),
            other => Self::Unusable(other),
        }
    }

    /// Returns the problem of a container that could not be read to its end.
    pub(super) fn from_container(error: &io::Error, budget: &Budget) -> Self {
        if let Some(exceeded) = budget.exceeded() {
            return Self::Limit(exceeded);
        }
        Self::Container(match error.kind() {
            io::ErrorKind::UnexpectedEof => "truncated".to_owned(),
            _ => text::cause(error),
        })
    }

    /// Returns the problem of an object whose facts are not complete.
    pub(super) fn from_damage(report: &ObjectReport) -> Option<Self> {
        if let Some(errno) = report.read_error() {
            return Some(Self::Io(read_error(errno)));
        }
        (!report.damage().is_empty()).then_some(Self::Damaged {
            parts: report.damage(),
            truncated: report.is_truncated(),
        })
    }
}

/// Returns the error of a read that failed with this errno; 0 where the source has none.
pub(super) fn read_error(errno: i32) -> io::Error {
    if errno == 0 {
        io::Error::other("it could not be read, and the reader gives no reason")
    } else {
        io::Error::from_raw_os_error(errno)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => match error.kind() {
                io::ErrorKind::NotFound => f.write_str("no such file or folder; check the path"),
                io::ErrorKind::PermissionDenied => f.write_str(
                    "permission denied; run the audit as a user who may read it, or leave it out",
                ),
                _ => write!(f, "{}; it was not audited in full", text::cause(error)),
            },
            Self::Special(what) => write!(
                f,
                "{what}, not a file; it was not opened; name a file or a folder"
            ),
            Self::NotElf => f.write_str(
                "not an ELF object; name a program, a library, an object file, a package or a folder",
            ),
            Self::Endless => f.write_str(
                "hostile or damaged: its tables lead to the same bytes again and again; \
                 it was not audited in full; fetch or build it again",
            ),
            Self::Container(why) => write!(
                f,
                "{why}; what comes after that was not audited; fetch or build it again"
            ),
            Self::Unread(what, instead) => {
                write!(f, "{what}, which is not looked into; {instead}")
            }
            Self::Limit(exceeded) => {
                write!(f, "{exceeded}; what comes after that was not audited")
            }
            Self::Unusable(error) => write!(f, "{error}; fetch or build it again"),
            Self::Damaged { parts, truncated } => {
                let how = if *truncated { "truncated" } else { "damaged" };
                write!(
                    f,
                    "{how}: could not use {parts}; the rest was audited; fetch or build it again"
                )
            }
        }
    }
}

impl std::error::Error for Problem {}

#[cfg(test)]
mod tests {
    use tls_model::elf::ReadError;

    use super::*;

    #[test]
    fn a_read_that_fails_without_a_number_is_no_success() {
        let of = |errno| Problem::from_elf(Error::Read(ReadError { errno })).to_string();
        assert!(of(0).starts_with("it could not be read"), "{}", of(0));
        assert!(!of(0).contains("os error"), "{}", of(0));
        assert!(of(5).starts_with("Input/output error;"), "{}", of(5));
    }
}
