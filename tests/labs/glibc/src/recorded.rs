//! glibc's own tests for another machine: built here, and what would start each of them
//! written down, so that a guest can run them.
//!
//! make starts a test through `test-wrapper`. Ours starts nothing; it prints its words,
//! which make puts into the test's `.out` file.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::own_tests::{self, OwnTest};
use super::tree::Tree;
use rseq_kit::executable;
use rseq_kit::folder;

/// Where all that is kept: the files as below the build tree, and the tests.
const FILES: &str = "own-tests";
const TESTS: &str = "own-tests.json";

/// Prints its words, each with a zero byte behind it.
const WRAPPER: &str = "#!/bin/sh\nprintf '%s\\0' \"$@\"\n";

/// What separates the folders of a library path.
const SEPARATOR: char = ':';

/// A test, as it is started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// `elf/tst-tls1`.
    pub name: String,
    /// Its variables, `NAME=VALUE`.
    pub environment: Vec<String>,
    /// Its program and arguments; none where it did not build.
    pub words: Vec<String>,
}

impl Recorded {
    /// What make would have run: `env`, variables, the program.
    fn read(name: String, out: &str) -> Self {
        let all = out.split_terminator('\0').map(str::to_owned);
        let mut words: Vec<_> = all.skip_while(|word| word == "env").collect();
        let is_variable = |word: &String| !word.starts_with('/') && word.contains('=');
        let program = words.iter().position(|word| !is_variable(word));
        let environment = words.drain(..program.unwrap_or(words.len())).collect();
        Self {
            name,
            environment,
            words,
        }
    }
}

/// What was kept of them.
#[derive(Clone, Debug)]
pub struct Kept {
    /// Where the build tree was: the tests know it by this path.
    pub build: PathBuf,
    /// Each file's place below it, and where it is kept.
    pub files: Vec<(PathBuf, PathBuf)>,
    /// The tests.
    pub tests: Vec<Recorded>,
}

/// Builds all of them, and keeps in `into` what it takes to run them; compares the symbol
/// lists, and writes down what came of that.
///
/// # Errors
///
/// A file cannot be read or written.
pub(super) fn keep(tree: &Tree, into: &Path) -> Result<(), String> {
    let wrapper = tree.build.with_file_name("wrapper");
    executable::written(&wrapper, WRAPPER, 0o755)?;
    let variable = format!("test-wrapper={}", wrapper.display());
    let mut tests = Vec::new();
    for (folder, names) in own_tests::made(tree, &[variable])? {
        for name in names {
            let out = tree.build.join(folder).join(format!("{name}.out"));
            let out = fs::read_to_string(out).unwrap_or_default();
            tests.push(Recorded::read(format!("{folder}/{name}"), &out));
        }
    }
    let to = into.join(FILES);
    for file in files(tree, &tests)? {
        let place = to.join(file.strip_prefix(&tree.build).unwrap_or(&file));
        fs::create_dir_all(place.parent().unwrap_or(&to))
            .and_then(|()| fs::copy(&file, &place))
            .map_err(|error| format!("{}: {error}", file.display()))?;
    }
    let list = tests.iter().map(
        |test| json!({ "name": test.name, "environment": test.environment, "words": test.words }),
    );
    let list: Vec<_> = list.collect();
    let text = json!({ "build": tree.build, "tests": list }).to_string();
    fs::write(into.join(TESTS), text).map_err(|error| format!("{TESTS}: {error}"))?;
    own_tests::write(into, &own_tests::symbol_lists(tree)?)
}

/// The files that tests name, and every shared object in a folder that they search or
/// that has tests.
fn files(tree: &Tree, tests: &[Recorded]) -> Result<Vec<PathBuf>, String> {
    let mut all = Vec::new();
    let mut folders: Vec<_> = tests
        .iter()
        .map(|test| tree.build.join(&test.name))
        .collect();
    for folder in &mut folders {
        folder.pop();
    }
    for test in tests {
        for word in test.environment.iter().chain(&test.words) {
            let value = word.split_once('=').map_or(&**word, |(_, value)| value);
            for path in value.split(SEPARATOR).map(PathBuf::from) {
                if path.starts_with(&tree.build) && path.is_dir() {
                    folders.push(path);
                } else if path.starts_with(&tree.build) && path.is_file() {
                    all.push(path);
                }
            }
        }
    }
    folders.sort();
    folders.dedup();
    for folder in folders {
        let objects = folder::sorted(&folder)?.into_iter();
        all.extend(objects.filter(|path| is_shared_object(path)));
    }
    all.sort();
    all.dedup();
    Ok(all)
}

/// Whether a file is one by its name: `libc.so`, `libc.so.6`.
fn is_shared_object(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let version = name.rsplit_once(".so").map(|(_, version)| version);
    let is_version = |text: &str| text.chars().all(|c| c == '.' || c.is_ascii_digit());
    version.is_some_and(is_version) && path.is_file()
}

/// What was kept in `folder`.
///
/// # Errors
///
/// Nothing was.
pub(super) fn read(folder: &Path) -> Result<Kept, String> {
    let path = folder.join(TESTS);
    let say = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let text = fs::read_to_string(&path).map_err(|error| say(&error))?;
    let value: Value = serde_json::from_str(&text).map_err(|error| say(&error))?;
    let words = |value: &Value| -> Vec<String> {
        let all = value.as_array().into_iter().flatten();
        all.filter_map(|word| word.as_str().map(str::to_owned))
            .collect()
    };
    let tests = value["tests"].as_array().ok_or_else(|| say(&"no tests"))?;
    let from = folder.join(FILES);
    let files = folder::files(&from)?.into_iter().map(|path| {
        let place = path.strip_prefix(&from).unwrap_or(&path).to_owned();
        (place, path)
    });
    Ok(Kept {
        build: value["build"].as_str().unwrap_or_default().into(),
        files: files.collect(),
        tests: tests
            .iter()
            .map(|test| Recorded {
                name: test["name"].as_str().unwrap_or_default().to_owned(),
                environment: words(&test["environment"]),
                words: words(&test["words"]),
            })
            .collect(),
    })
}

/// glibc's words for how a test of its own ended: its exit status, if it was run.
pub(super) fn judge(name: &str, ended: Option<i32>) -> OwnTest {
    let said = match ended {
        None => "none",
        Some(0) => "PASS",
        Some(77) => "UNSUPPORTED",
        Some(_) => "FAIL",
    };
    OwnTest {
        name: name.to_owned(),
        said: said.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_make_would_run() {
        let out = "env\0LC_ALL=C\0LD_AUDIT=/b/m.so\0/b/elf/ld.so\0--library-path\0/b\0/b/t=1\0";
        let read = Recorded::read("elf/t".to_owned(), out);
        assert_eq!(read.environment, ["LC_ALL=C", "LD_AUDIT=/b/m.so"]);
        let words = ["/b/elf/ld.so", "--library-path", "/b", "/b/t=1"];
        assert_eq!(read.words, words);
        assert!(Recorded::read("t".to_owned(), "").words.is_empty());
    }
}
