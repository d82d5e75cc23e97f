//! The unpacked tarball, and what packages take of it.

use std::fs::{self, File, FileTimes, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

use super::contents::Contents;
use super::installed::{How, Installed};
use crate::dist::files::{files_below, gzipped, output, read};

/// The unpacked tarball, with the manual pages and completions beside it.
pub(super) struct Tree {
    root: PathBuf,
    time: u64,
}

impl Tree {
    pub(super) fn new(root: PathBuf, time: u64) -> Self {
        Self { root, time }
    }

    /// Returns a file of the tarball.
    pub(super) fn read(&self, path: &str) -> Result<Vec<u8>, String> {
        read(&self.root.join(path))
    }

    /// Seconds since 1970 that every file gets.
    pub(super) fn time(&self) -> u64 {
        self.time
    }

    /// That time as mails have it (RFC 5322), for changelogs.
    pub(super) fn date(&self) -> Result<String, String> {
        let mut date = Command::new("date");
        date.args(["--utc", "--rfc-email", &format!("--date=@{}", self.time)]);
        date.env("LC_ALL", "C");
        output(&mut date).map(|text| text.trim().to_owned())
    }

    /// Copies what a package takes to below `root`, and makes its links in the folder
    /// `libraries` there.
    pub(super) fn install(
        &self,
        contents: &Contents,
        root: &Path,
        libraries: &str,
    ) -> Result<(), String> {
        for installed in contents.files {
            self.copy(installed, root, libraries)?;
        }
        let folder = root.join(libraries);
        let say = |error: std::io::Error| format!("{}: {error}", folder.display());
        for (name, target) in contents.links {
            fs::create_dir_all(&folder).map_err(say)?;
            symlink(target, folder.join(name)).map_err(say)?;
        }
        Ok(())
    }

    fn copy(&self, installed: &Installed, root: &Path, libraries: &str) -> Result<(), String> {
        let from = self.root.join(installed.from);
        let to = match installed.how {
            How::Library | How::Settings => root.join(libraries).join(installed.to),
            _ => root.join(installed.to),
        };
        match installed.how {
            How::Program => put(&to, &read(&from)?, 0o755),
            // not executable: Debian Policy, 8.1
            How::Library => put(&to, &read(&from)?, 0o644),
            How::Settings | How::Folder | How::Page => {
                for path in files_below(&from)? {
                    let below = path.strip_prefix(&from).unwrap_or(&path);
                    let to = to.join(below);
                    if installed.how == How::Page {
                        let name = format!("{}.gz", to.display());
                        Self::write_compressed(Path::new(&name), &read(&path)?)?;
                    } else {
                        put(&to, &read(&path)?, 0o644)?;
                    }
                }
                Ok(())
            }
        }
    }

    /// Writes a file compressed, without name and date.
    pub(super) fn write_compressed(to: &Path, content: &[u8]) -> Result<(), String> {
        let packed = gzipped(content).map_err(|error| format!("{}: {error}", to.display()))?;
        put(to, &packed, 0o644)
    }

    /// Returns the text of `copyright`.
    pub(super) fn copyright(&self) -> Result<Vec<u8>, String> {
        let mut text =
            b"Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n\
              Upstream-Name: rseq-owner\n\n\
              Files: *\n\
              Copyright: the authors of rseq-owner\n\
              License: MIT or Apache-2.0\n\n\
              License: MIT or Apache-2.0\n \
              The Apache licence is in /usr/share/common-licenses/Apache-2.0. That of MIT:\n .\n"
                .to_vec();
        let licence = read(&self.root.join("LICENSE-MIT"))?;
        for line in String::from_utf8_lossy(&licence).lines() {
            let line = if line.is_empty() { "." } else { line };
            text.extend_from_slice(format!(" {line}\n").as_bytes());
        }
        Ok(text)
    }

    /// Returns the size of what is installed, in KiB, as dpkg counts it.
    pub(super) fn size_of(root: &Path) -> Result<u64, String> {
        let sizes = files_below(root)?.into_iter().map(|path| {
            let bytes = fs::symlink_metadata(path).map_or(0, |metadata| metadata.len());
            bytes.div_ceil(1024)
        });
        Ok(sizes.sum())
    }

    /// Gives everything below `root` the release's time, and folders their usual mode.
    pub(super) fn settle(&self, root: &Path) -> Result<(), String> {
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(self.time);
        let times = FileTimes::new().set_modified(time).set_accessed(time);
        let mut folders = vec![root.to_owned()];
        while let Some(folder) = folders.pop() {
            let say = |error: std::io::Error| format!("{}: {error}", folder.display());
            for entry in fs::read_dir(&folder).map_err(say)? {
                let entry = entry.map_err(say)?;
                let kind = entry.file_type().map_err(say)?;
                if kind.is_dir() {
                    folders.push(entry.path());
                } else if kind.is_file() {
                    let file = File::open(entry.path()).map_err(say)?;
                    file.set_times(times).map_err(say)?;
                }
            }
            fs::set_permissions(&folder, Permissions::from_mode(0o755)).map_err(say)?;
        }
        Ok(())
    }
}

fn put(to: &Path, content: &[u8], mode: u32) -> Result<(), String> {
    let write = || {
        if let Some(folder) = to.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(to, content)?;
        fs::set_permissions(to, Permissions::from_mode(mode))
    };
    write().map_err(|error: std::io::Error| format!("{}: {error}", to.display()))
}
