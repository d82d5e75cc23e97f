//! A tar archive whose bytes depend on its files and one date only: sorted, owned
//! by nobody in particular.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use flate2::{Compression, GzBuilder};

use super::files::{sha256, tar_header};

/// The list of digests, itself not in it.
const SUMS: &str = "SHA256SUMS";

/// An archive that is being filled.
pub struct Tarball {
    /// The folder that everything is in.
    name: String,
    /// Seconds since 1970.
    time: u64,
    /// By path below that folder: mode and content.
    files: BTreeMap<String, (u32, Vec<u8>)>,
    /// Symbolic links: by path, what each leads to.
    links: BTreeMap<String, String>,
}

impl Tarball {
    pub fn new(name: &str, time: u64) -> Self {
        Self {
            name: name.to_owned(),
            time,
            files: BTreeMap::new(),
            links: BTreeMap::new(),
        }
    }

    pub fn file(&mut self, path: &str, content: Vec<u8>) {
        self.files.insert(path.to_owned(), (0o644, content));
    }

    /// A symbolic link.
    pub fn link(&mut self, path: &str, to: &str) {
        self.links.insert(path.to_owned(), to.to_owned());
    }

    /// A file that may be executed, or mapped so.
    pub fn program(&mut self, path: &str, content: Vec<u8>) {
        self.files.insert(path.to_owned(), (0o755, content));
    }

    /// Adds the list of digests, as `sha256sum -c` reads it.
    pub fn checksums(&mut self) {
        let line =
            |(path, (_, content)): (&String, &(u32, Vec<u8>))| sha256(content) + "  " + path + "\n";
        let sums: String = self.files.iter().map(line).collect();
        self.file(SUMS, sums.into_bytes());
    }

    /// Writes it, compressed.
    pub fn write(&self, to: &Path) -> Result<(), String> {
        self.try_write(to)
            .map_err(|error| format!("{}: {error}", to.display()))
    }

    fn try_write(&self, to: &Path) -> io::Result<()> {
        // no name and no date in the outer header either
        let gzip = GzBuilder::new().write(fs::File::create(to)?, Compression::best());
        let mut archive = tar::Builder::new(gzip);
        let header = |mode, size| tar_header(mode, size, self.time);
        for (path, to) in &self.links {
            let mut header = header(0o777, 0);
            header.set_entry_type(tar::EntryType::Symlink);
            archive.append_link(&mut header, format!("{}/{path}", self.name), to)?;
        }
        for (path, (mode, content)) in &self.files {
            let mut header = header(*mode, content.len() as u64);
            let path = format!("{}/{path}", self.name);
            archive.append_data(&mut header, path, &**content)?;
        }
        archive.into_inner()?.finish()?.sync_all()
    }
}
