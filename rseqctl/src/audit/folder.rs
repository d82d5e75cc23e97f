//! One folder: what is in it, in the order of names.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, RawDir, openat, statat};

/// The file that marks a folder as an OCI image layout.
const IMAGE_MARK: &[u8] = b"oci-layout";

/// What the file `version` of a folder that skopeo has written begins with.
const TRANSPORT: [u8; 27] = *b"Directory Transport Version";

/// Bytes for the kernel to fill with names at a time.
const NAMES: usize = 16 << 10;

/// Folders that are kept open at a time. What is in others is opened by its
/// whole path.
const MOST_OPEN: usize = 128;

static OPEN: AtomicUsize = AtomicUsize::new(0);

/// A folder that was listed.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    handle: Option<Handle>,
    device: u64,
    /// The names, a slash behind those of folders.
    names: Vec<u8>,
    /// Symbolic links in it, which are passed over.
    links: u64,
    /// Where in `names` each of the entries is, sorted as their paths and
    /// those below them will be.
    entries: Vec<(u32, u32)>,
}

impl Folder {
    /// Lists the folder at `path`, which is `name` in `parent` if there is one:
    /// then no symbolic link is followed. Regular files and folders only.
    pub(super) fn list(path: PathBuf, device: u64, parent: Option<(&Self, &OsStr)>) -> Listed {
        let flags = OFlags::DIRECTORY | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let opened = match parent {
            None => openat(CWD, &path, flags, Mode::empty()),
            Some((parent, name)) => parent.at(name, flags | OFlags::NOFOLLOW),
        };
        let mut folder = Self {
            path,
            handle: None,
            device,
            names: Vec::new(),
            links: 0,
            entries: Vec::new(),
        };
        let problem = opened
            .and_then(|handle| {
                folder.read(handle.as_fd())?;
                folder.handle = Handle::kept(handle);
                Ok(())
            })
            .err();
        if problem.is_some() {
            folder.entries.clear();
        }
        Listed {
            folder,
            problem: problem.map(io::Error::from),
        }
    }

    fn read(&mut self, handle: BorrowedFd<'_>) -> rustix::io::Result<()> {
        let mut buffer = [MaybeUninit::uninit(); NAMES];
        let mut found = RawDir::new(handle, &mut buffer);
        while let Some(entry) = found.next() {
            let entry = entry?;
            let name = entry.file_name().to_bytes();
            if matches!(name, b"." | b"..") {
                continue;
            }
            let kind = match entry.file_type() {
                // some file systems do not say
                FileType::Unknown => {
                    let status = statat(handle, entry.file_name(), AtFlags::SYMLINK_NOFOLLOW);
                    match status {
                        Ok(status) => FileType::from_raw_mode(status.st_mode),
                        Err(_) => continue,
                    }
                }
                kind => kind,
            };
            if !matches!(kind, FileType::RegularFile | FileType::Directory) {
                self.links += u64::from(kind == FileType::Symlink);
                continue;
            }
            let start = self.names.len();
            self.names.extend_from_slice(name);
            if kind == FileType::Directory {
                self.names.push(b'/');
            }
            let (Ok(start), Ok(end)) = (u32::try_from(start), u32::try_from(self.names.len()))
            else {
                return Err(rustix::io::Errno::OVERFLOW);
            };
            self.entries.push((start, end));
        }
        let names = &self.names;
        let name = |&(start, end): &(u32, u32)| &names[start as usize..end as usize];
        self.entries
            .sort_unstable_by(|one, other| name(one).cmp(name(other)));
        Ok(())
    }

    /// Returns the folder's path.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Returns how many symbolic links are in it.
    pub(super) fn links(&self) -> u64 {
        self.links
    }

    /// Returns the file system that it is on.
    pub(super) fn device(&self) -> u64 {
        self.device
    }

    /// Returns the name of an entry and whether it is a folder; none behind the last.
    pub(super) fn entry(&self, index: usize) -> Option<(&OsStr, bool)> {
        let &(start, end) = self.entries.get(index)?;
        let name = self.names.get(start as usize..end as usize)?;
        Some(match name.strip_suffix(b"/") {
            Some(name) => (OsStr::from_bytes(name), true),
            None => (OsStr::from_bytes(name), false),
        })
    }

    /// Returns whether it holds an image: an OCI layout, or what skopeo writes as `dir:`.
    pub(super) fn is_image(&self) -> bool {
        self.has(IMAGE_MARK) || self.has(b"manifest.json") && self.is_transport()
    }

    fn has(&self, name: &[u8]) -> bool {
        let names = &self.names;
        self.entries
            .binary_search_by(|&(start, end)| names[start as usize..end as usize].cmp(name))
            .is_ok()
    }

    /// Returns whether its file `version` says that it is one of skopeo's folders.
    fn is_transport(&self) -> bool {
        let mut text = [0; TRANSPORT.len()];
        self.has(b"version")
            && self
                .open(OsStr::new("version"), OFlags::NOFOLLOW | OFlags::NONBLOCK)
                .and_then(|mut file| file.read_exact(&mut text))
                .is_ok_and(|()| text == TRANSPORT)
    }

    /// Returns the file system that a folder in it is on.
    pub(super) fn device_of(&self, name: &OsStr) -> io::Result<u64> {
        let flags = AtFlags::SYMLINK_NOFOLLOW | AtFlags::NO_AUTOMOUNT;
        let status = match &self.handle {
            Some(handle) => statat(&handle.0, name, flags),
            None => statat(CWD, self.path.join(name), flags),
        };
        Ok(status?.st_dev)
    }

    /// Opens a file in it for reading, with more `flags`.
    pub(super) fn open(&self, name: &OsStr, flags: OFlags) -> io::Result<File> {
        Ok(self.at(name, flags | OFlags::CLOEXEC)?.into())
    }

    fn at(&self, name: &OsStr, flags: OFlags) -> rustix::io::Result<OwnedFd> {
        match &self.handle {
            Some(handle) => openat(&handle.0, name, flags, Mode::empty()),
            None => openat(CWD, self.path.join(name), flags, Mode::empty()),
        }
    }
}

/// A folder, and why it could not be listed.
pub(super) struct Listed {
    pub(super) folder: Folder,
    pub(super) problem: Option<io::Error>,
}

/// A folder that is kept open, so that what is in it is opened without a walk
/// over its whole path.
#[derive(Debug)]
struct Handle(OwnedFd);

impl Handle {
    fn kept(handle: OwnedFd) -> Option<Self> {
        if OPEN.fetch_add(1, Ordering::Relaxed) < MOST_OPEN {
            return Some(Self(handle));
        }
        OPEN.fetch_sub(1, Ordering::Relaxed);
        None
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        OPEN.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn names(folder: &Folder) -> Vec<(String, bool)> {
        (0..)
            .map_while(|index| folder.entry(index))
            .map(|(name, is_folder)| (name.to_string_lossy().into_owned(), is_folder))
            .collect()
    }

    #[test]
    fn names_sort_as_paths_do() {
        let room = tempfile::tempdir().expect("a folder");
        for name in ["a.so", "a-b", "a0", "A"] {
            fs::write(room.path().join(name), "").expect("a file");
        }
        fs::create_dir(room.path().join("a")).expect("a folder");
        std::os::unix::fs::symlink("A", room.path().join("link")).expect("a link");
        let Listed { folder, problem } = Folder::list(room.path().to_path_buf(), 0, None);
        assert!(problem.is_none());
        let expected = [
            ("A", false),
            ("a-b", false),
            ("a.so", false),
            ("a", true),
            ("a0", false),
        ];
        assert_eq!(
            names(&folder),
            expected.map(|(name, is_folder)| (name.to_owned(), is_folder))
        );
        assert!(!folder.is_image());
    }

    #[test]
    fn folders_beyond_those_that_are_kept_open_work_the_same() {
        let room = tempfile::tempdir().expect("a folder");
        fs::write(room.path().join("file"), "").expect("a file");
        fs::create_dir(room.path().join("inner")).expect("a folder");
        let list = || Folder::list(room.path().to_path_buf(), 0, None).folder;
        let folders: Vec<Folder> = (0..MOST_OPEN + 10).map(|_| list()).collect();
        assert!(folders.iter().any(|folder| folder.handle.is_none()));
        for folder in &folders {
            let opened = folder.open(OsStr::new("file"), OFlags::NOFOLLOW);
            assert!(opened.is_ok());
            assert!(folder.device_of(OsStr::new("inner")).is_ok());
        }
    }
}
