//! One object of a program.

use std::ffi::OsStr;
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind};
use std::ops::ControlFlow;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use tls_model::elf::{Class, Endian, Object};
use tls_model::report::ObjectReport;

use super::source::FileSource;

/// Longest path in a dynamic section, in bytes: RUNPATHs of build systems have
/// several KiB.
const LONGEST: usize = 64 << 10;

/// `DF_1_NODEFLIB`: the default folders are not searched.
const NODEFLIB: u64 = 0x800;

/// An object that a program starts with.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Loaded {
    /// Its path as the program would see it.
    pub path: PathBuf,
    /// The file: the path itself, or where it is in the root.
    pub file: PathBuf,
    /// What it says about rseq.
    pub report: ObjectReport,
    /// The position of the object that needed it first; none for the program.
    pub loader: Option<usize>,
    /// `DT_NEEDED`, in order.
    pub needed: Vec<Vec<u8>>,
    /// `DT_SONAME`.
    pub soname: Option<Vec<u8>>,
    pub(super) rpath: Option<Vec<u8>>,
    pub(super) runpath: Option<Vec<u8>>,
    pub(super) no_default: bool,
    /// The dynamic linker that it names.
    pub interpreter: Option<PathBuf>,
    /// Device and inode.
    pub(super) identity: (u64, u64),
}

impl Loaded {
    /// Opens `file`, which the program sees as `path`.
    pub(super) fn open(file: &Path, path: &Path, loader: Option<usize>) -> io::Result<Self> {
        let opened = OpenOptions::new()
            .read(true)
            .custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY)
            .open(file)?;
        Self::read(opened, file, path, loader)
    }

    /// Reads the program at `path`, which is open as `opened`.
    ///
    /// # Errors
    ///
    /// It is no regular file, or no ELF object.
    pub fn program(opened: File, path: &Path) -> io::Result<Self> {
        Self::read(opened, path, path, None)
    }

    fn read(opened: File, file: &Path, path: &Path, loader: Option<usize>) -> io::Result<Self> {
        let metadata = opened.metadata()?;
        if !metadata.is_file() {
            return Err(io::Error::new(ErrorKind::InvalidInput, "not a file"));
        }
        let object = Object::open(FileSource::new(opened))
            .map_err(|error| io::Error::new(ErrorKind::InvalidData, error))?;
        let mut buffer = vec![0; LONGEST];
        let mut needed = Vec::new();
        // a damaged table: what was read before the damage
        let _ = object.needed(&mut buffer, |name| {
            needed.push(name.to_vec());
            ControlFlow::<()>::Continue(())
        });
        let flags_1 = object.dynamic().ok().flatten().map_or(0, |it| it.flags_1);
        let text = |found: Result<Option<&[u8]>, _>| found.ok().flatten().map(<[u8]>::to_vec);
        Ok(Self {
            path: path.to_path_buf(),
            file: file.to_path_buf(),
            report: rseq_code::read_definitions(&object),
            loader,
            needed,
            soname: text(object.soname(&mut buffer)),
            rpath: text(object.rpath(&mut buffer)),
            runpath: text(object.runpath(&mut buffer)),
            no_default: flags_1 & NODEFLIB != 0,
            interpreter: text(object.interpreter(&mut buffer))
                .map(|path| PathBuf::from(OsStr::from_bytes(&path))),
            identity: (metadata.dev(), metadata.ino()),
        })
    }

    /// Returns whether one dynamic linker can load both.
    pub(super) fn fits(&self, other: &Self) -> bool {
        self.abi() == other.abi()
    }

    pub(super) fn abi(&self) -> (u16, Class, Endian) {
        let facts = &self.report.facts;
        let layout = facts.layout;
        (facts.machine, layout.class, layout.endian)
    }
}
