//! What a guest starts with: an archive that its kernel unpacks into memory.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, Write as _};
use std::path::Path;

use cpio::newc::{self, Builder, ModeFileType};

use rseq_kit::patience::stretched;

use rseq_kit::machine::Machine;

use super::{Command, Guest, programs};

/// Standard input, output and error of the first process.
const CONSOLE: &str = "dev/console";
const CONSOLE_NUMBERS: (u32, u32) = (5, 1);

impl Guest {
    /// Writes the archive.
    pub(super) fn pack(&self, machine: Machine, to: &Path) -> io::Result<()> {
        let mut contents = BTreeMap::new();
        for (place, from) in &self.files {
            let name = place.trim_start_matches('/');
            let content = fs::read(from)
                .map_err(|error| io::Error::other(format!("{}: {error}", from.display())))?;
            contents.insert(name, content);
        }
        let init = programs::first(machine).map_err(io::Error::other)?;
        contents.insert("init", fs::read(init)?);
        contents.insert("commands", commands(&self.commands));
        let folders: BTreeSet<_> = contents
            .keys()
            .chain(&[CONSOLE])
            .flat_map(|name| Path::new(name).ancestors().skip(1))
            .filter_map(Path::to_str)
            .filter(|folder| !folder.is_empty())
            .collect();

        let mut archive = io::BufWriter::new(fs::File::create(to)?);
        let mut number = 0;
        let mut entry = |name: &str, kind: ModeFileType, mode: u32| {
            number += 1;
            Builder::new(name)
                .ino(number)
                .mode(mode)
                .set_mode_file_type(kind)
        };
        // folders sort before what is in them
        for folder in folders {
            entry(folder, ModeFileType::Directory, 0o755)
                .write(&mut archive, 0)
                .finish()?;
        }
        let (major, minor) = CONSOLE_NUMBERS;
        entry(CONSOLE, ModeFileType::Char, 0o600)
            .rdev_major(major)
            .rdev_minor(minor)
            .write(&mut archive, 0)
            .finish()?;
        for (name, content) in &contents {
            let entry = entry(name, ModeFileType::Regular, 0o755);
            let length = u32::try_from(content.len()).map_err(io::Error::other)?;
            let mut writer = entry.write(&mut archive, length);
            writer.write_all(content)?;
            writer.finish()?;
        }
        newc::trailer(&mut archive)?.flush()
    }
}

/// The list that `init.c` reads.
fn commands(commands: &[Command]) -> Vec<u8> {
    let mut list = Vec::new();
    let mut add = |string: &str| {
        list.extend_from_slice(string.as_bytes());
        list.push(0);
    };
    for command in commands {
        add(&stretched(command.limit).as_secs().to_string());
        for strings in [&command.environment, &command.arguments] {
            add(&strings.len().to_string());
            for string in strings {
                add(string);
            }
        }
    }
    list
}
