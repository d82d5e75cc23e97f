//! glibc's own tests of what the series touches: rseq, TLS, dlopen, NODELETE,
//! audit and static programs.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use super::recipe::{ABI, TESTS};
use super::series::Series;
use super::tree::Tree;
use rseq_kit::child::Program;
use rseq_kit::folder;

const FILE: &str = "own-tests.txt";

/// With fewer that passed, something is wrong with how they are run.
const FEWEST: usize = 60;

/// One test and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnTest {
    /// `elf/tst-tls1`.
    pub name: String,
    /// glibc's word: `PASS`, `FAIL`, `UNSUPPORTED`, or `none` where it did not
    /// even build.
    pub said: String,
}

impl OwnTest {
    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_right(&self) -> bool {
        ["PASS", "UNSUPPORTED", "XFAIL"].contains(&&*self.said)
    }
}

/// How many of them passed.
#[must_use]
pub fn passed(tests: &[OwnTest]) -> usize {
    tests.iter().filter(|test| test.said == "PASS").count()
}

/// Those that are not right, a line each.
#[must_use]
pub fn failures(tests: &[OwnTest]) -> Vec<String> {
    tests
        .iter()
        .filter(|test| !test.is_right())
        .map(|test| format!("{}: {}", test.name, test.said))
        .collect()
}

/// Everything wrong with a whole run of them, a line each.
#[must_use]
pub fn complaints(tests: &[OwnTest]) -> Vec<String> {
    let mut wrong = failures(tests);
    if passed(tests) < FEWEST {
        wrong.push("hardly any of its own tests ran".to_owned());
    }
    wrong
}

/// Whether `name` is one of them: listed here, or added by the series.
#[must_use]
pub fn is_run(series: &Series, name: &str) -> bool {
    let adds = |line: &str| line.trim_end_matches(" \\").strip_prefix("+  ") == Some(name);
    TESTS.iter().flat_map(|(_, names)| *names).any(|listed| {
        *listed == name
            || listed.strip_suffix('*').is_some_and(|beginning| {
                let mut lines = series.patches.iter().flat_map(|patch| patch.text.lines());
                name.starts_with(beginning) && lines.any(adds)
            })
    })
}

/// Builds and runs them, compares the symbol lists, and writes down in `into`
/// what they say.
///
/// # Errors
///
/// make cannot be started, or a file not be read or written.
pub fn run(tree: &Tree, into: &Path) -> Result<(), String> {
    let mut tests = Vec::new();
    for (folder, names) in made(tree, &[])? {
        tests.extend(names.iter().map(|name| result(tree, folder, name)));
    }
    tests.extend(symbol_lists(tree)?);
    write(into, &tests)
}

/// Writes down in `into` what they said.
///
/// # Errors
///
/// It cannot be written.
pub(super) fn write(into: &Path, tests: &[OwnTest]) -> Result<(), String> {
    let mut text = String::new();
    for OwnTest { name, said } in tests {
        let _ = writeln!(text, "{said} {name}");
    }
    fs::write(into.join(FILE), text).map_err(|error| format!("{FILE}: {error}"))
}

/// Has make run all of them, with these variables; answers their names by folder.
///
/// # Errors
///
/// The source cannot be read.
pub(super) fn made(
    tree: &Tree,
    variables: &[String],
) -> Result<Vec<(&'static str, Vec<String>)>, String> {
    let mut all = Vec::new();
    for (folder, wanted) in TESTS {
        let names = present(tree, folder, wanted)?;
        let build = tree.build.display();
        let targets = names
            .iter()
            .map(|name| format!("{build}/{folder}/{name}.out"));
        let make = Program::new("make")
            .args(["--keep-going", "--no-builtin-rules", "-C"])
            .arg(tree.source.join(folder))
            .arg(format!("subdir={folder}"))
            .args(["..=../", &format!("objdir={build}")])
            .args(variables)
            .args(targets);
        // a failed test is in its result
        let _ = tree.run(make, folder);
        all.push((folder, names));
    }
    Ok(all)
}

/// Compares the symbols of all libraries with glibc's lists for the architecture
/// that `tree` was built for.
///
/// # Errors
///
/// No list was compared.
pub fn symbol_lists(tree: &Tree) -> Result<Vec<OwnTest>, String> {
    // a list that differs is in its result
    let said = tree.run(Program::new("make").args(["--keep-going", ABI]), ABI);
    let mut lists = Vec::new();
    for place in folder::sorted(&tree.build)? {
        if !place.is_dir() {
            continue;
        }
        for file in folder::with_extension(&place, "test-result")? {
            let name = file.file_stem().unwrap_or_default().to_string_lossy();
            let folder = place.file_name().unwrap_or_default().to_string_lossy();
            if name.starts_with(ABI) {
                lists.push(result(tree, &folder, &name));
            }
        }
    }
    if lists.is_empty() {
        said?;
        return Err(format!("{ABI}: no list was compared"));
    }
    Ok(lists)
}

/// What became of one that was run.
fn result(tree: &Tree, folder: &str, name: &str) -> OwnTest {
    let path = tree.build.join(folder).join(format!("{name}.test-result"));
    let text = fs::read_to_string(path).unwrap_or_default();
    let said = text.split(':').next().filter(|word| !word.is_empty());
    OwnTest {
        name: format!("{folder}/{name}"),
        said: said.unwrap_or("none").to_owned(),
    }
}

/// What was written down.
///
/// # Errors
///
/// Nothing was.
pub fn read(folder: &Path) -> Result<Vec<OwnTest>, String> {
    let path = folder.join(FILE);
    let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let tests = text.lines().filter_map(|line| line.split_once(' '));
    Ok(tests
        .map(|(said, name)| OwnTest {
            name: name.to_owned(),
            said: said.to_owned(),
        })
        .collect())
}

/// Those of `wanted` that the base has, with `tst-rseq-*` spelled out.
fn present(tree: &Tree, folder: &str, wanted: &[&str]) -> Result<Vec<String>, String> {
    let mut names = Vec::new();
    for name in wanted {
        match name.strip_suffix('*') {
            Some(beginning) => names.extend(beginning_with(tree, folder, beginning)?),
            None => names.push((*name).to_owned()),
        }
    }
    let linux = tree.source.join("sysdeps/unix/sysv/linux");
    let pthread = tree.source.join("sysdeps/pthread");
    let own = tree.source.join(folder);
    names.retain(|name| {
        [&own, &linux, &pthread]
            .iter()
            .any(|folder| folder.join(format!("{name}.c")).is_file())
    });
    Ok(names)
}

/// The rseq tests of a folder: their sources are all in one place, the Makefile
/// says which folder runs them.
fn beginning_with(tree: &Tree, folder: &str, beginning: &str) -> Result<Vec<String>, String> {
    let path = tree.source.join("sysdeps/unix/sysv/linux/Makefile");
    let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let mut names: Vec<String> = Vec::new();
    let mut is_here = false;
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("ifeq ($(subdir),") {
            is_here = rest.starts_with(&format!("{folder})"));
        }
        let is_list = line.starts_with("  ") || line.starts_with("tests");
        if is_here && is_list && !line.contains('$') {
            names.extend(
                line.split_whitespace()
                    .filter(|word| word.starts_with(beginning) && !word.contains("-mod"))
                    .filter(|word| !word.ends_with("-auditmod"))
                    .map(str::to_owned),
            );
        }
    }
    names.sort();
    names.dedup();
    Ok(names)
}
