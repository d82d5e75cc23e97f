//! The programs that this lab brings, compiled where it runs.

use std::fs;
use std::path::PathBuf;
use std::sync::LazyLock;

use rseq_lab::build::{Source, built};
use rseq_lab::files::folder;

macro_rules! source {
    ($name:literal) => {
        Source {
            name: $name,
            text: include_str!(concat!("../programs/", $name)),
        }
    };
}

const HEADERS: [Source; 2] = [source!("plugins.h"), source!("registered.h")];

/// The programs in C and C++.
const SOURCES: [Source; 19] = [
    source!("audit.c"),
    source!("behind.c"),
    source!("depth.c"),
    source!("fds.c"),
    source!("frames.c"),
    source!("gc.c"),
    source!("hooks.c"),
    source!("hung.cc"),
    source!("oldtimer.c"),
    source!("onstack.c"),
    source!("own-getcpu.c"),
    source!("plugin.c"),
    source!("requests.c"),
    source!("smallest.c"),
    source!("spawn.c"),
    source!("starter.c"),
    source!("starters.c"),
    source!("strict.c"),
    source!("threads.c"),
];

/// Programs in other languages, which are only written down.
const SCRIPTS: [Source; 4] = [
    source!("backtraces.py"),
    source!("collect.cs"),
    source!("collect.go"),
    source!("collect.scm"),
];

/// The program that this source makes, with these options of the compiler.
pub fn program(name: &str, options: &[&str]) -> Result<PathBuf, String> {
    let source = SOURCES
        .iter()
        .find(|source| source.name == name)
        .ok_or_else(|| format!("no source {name}"))?;
    built(*source, &HEADERS, options)
}

/// A small library that can be loaded and unloaded.
pub fn plugin() -> Result<PathBuf, String> {
    library("plugin.c", &[])
}

/// A folder with as many copies of it as `plugins.h` says, each a file of its own.
pub fn plugins() -> Result<PathBuf, String> {
    static FOLDER: LazyLock<Result<PathBuf, String>> = LazyLock::new(|| {
        let folder = folder("plugins")?;
        let plugin = plugin()?;
        for number in 0..100 {
            let place = folder.join(format!("{number}.so"));
            fs::copy(&plugin, &place).map_err(|error| format!("{}: {error}", place.display()))?;
        }
        Ok(folder)
    });
    FOLDER.clone()
}

/// A library made of this source.
pub fn library(name: &str, options: &[&str]) -> Result<PathBuf, String> {
    program(name, &[&["-shared"], options].concat())
}

/// A file with the text of this program.
pub fn script(name: &str) -> Result<PathBuf, String> {
    let source = SCRIPTS
        .iter()
        .find(|source| source.name == name)
        .ok_or_else(|| format!("no source {name}"))?;
    let path = folder("script")?.join(name);
    fs::write(&path, source.text).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(path)
}
