//! An audit of this very machine, compared with what other readers find.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use rseq_kit::artifacts::{artifacts, room, workspace};
use rseq_kit::child::Program;
use rseq_kit::fixture::audit::{by_second_reader, lines_of};
use rseq_kit::needs::{Need, program};
use rseq_kit::runner::{Outcome, Suite};
use serde_json::Value;

fn main() -> ExitCode {
    Suite::collected().run()
}

/// What the audit says about a tree, by path.
fn audit(paths: &[&Path]) -> Result<BTreeMap<PathBuf, Value>, String> {
    let finished = Program::new(&artifacts()?.rseqctl)
        .args(["audit", "--format", "ndjson", "--fail-on", "never"])
        .args(paths)
        .limit(Duration::from_secs(120))
        .run()?;
    // 3: some files could not be read, which is for the machine to answer for
    if ![0, 3].contains(&finished.code()) {
        return Err(format!("{}\n{}", finished.status, finished.err));
    }
    let mut objects = BTreeMap::new();
    for line in finished.out.lines() {
        let value: Value =
            serde_json::from_str(line).map_err(|error| format!("{error}: {line}"))?;
        let path = value["path"].as_str().ok_or("no path")?;
        objects.insert(PathBuf::from(path), value);
    }
    Ok(objects)
}

/// Every definer in /usr is one to readelf as well, and so is every section.
#[rseq_kit::test(Need::READELF)]
fn usr_and_readelf() -> Outcome {
    let objects = audit(&[Path::new("/usr")])?;
    // glibc 2.35 and later: libc.so.6 or ld.so is there to be found
    if rseq_kit::sys::glibc_version() >= Some((2, 35)) {
        assert!(!objects.is_empty(), "nothing found");
    }
    let readelf = program("readelf")?;
    for (path, value) in &objects {
        let sections = Program::new(&readelf).arg("-SW").arg(path).run()?.out;
        for section in value["sections"].as_array().into_iter().flatten() {
            let name = section["name"].as_str().unwrap_or_default();
            let confirmed = sections.split_whitespace().any(|word| word == name);
            assert!(confirmed, "{}: {section}\n{sections}", path.display());
        }
        for symbol in value["symbols"].as_array().into_iter().flatten() {
            if symbol["role"] != "defines" {
                continue;
            }
            let name = symbol["name"].as_str().unwrap_or_default();
            let size = symbol["size"].as_u64().unwrap_or_default();
            let table = Program::new(&readelf)
                .arg("-Ws")
                .arg(file_of(path))
                .run()?
                .out;
            let confirmed = table.lines().any(|line| defines(line, name, size));
            assert!(confirmed, "{}: {symbol}\n{table}", path.display());
        }
    }
    Ok(())
}

/// Every ELF file of /usr says the same to tls-model, to goblin's full parse and to
/// object's: needed libraries, thread-local storage, all dynamic symbols and
/// relocations, rseq symbols. `differential/src/known.rs` explains what differs.
#[rseq_kit::test]
fn usr_and_full_parses() -> Outcome {
    let room = room();
    let target = workspace().join("target/differential");
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| env!("CARGO").into());
    Program::with_callers_environment(cargo)
        .args([
            "build",
            "--quiet",
            "--release",
            "--locked",
            "--manifest-path",
        ])
        .arg(room.join("differential/Cargo.toml"))
        .arg("--target-dir")
        .arg(&target)
        .limit(Duration::from_secs(300))
        .run()?
        .expect(0)?;
    let compared = Program::new(target.join("release/rseq-differential"))
        .arg("/usr")
        .limit(Duration::from_secs(300))
        .run()?
        .expect(0)?;
    let last = compared.out.lines().last().unwrap_or_default();
    println!("{last}");
    assert!(!last.starts_with("0 objects"), "nothing was read");
    Ok(())
}

/// The static library that a member `lib.a(member.o)` is in; other paths as they
/// are.
fn file_of(path: &Path) -> PathBuf {
    let text = path.to_string_lossy();
    match text.split_once(".a(") {
        Some((start, _)) => PathBuf::from(format!("{start}.a")),
        None => path.to_path_buf(),
    }
}

/// `Num: Value Size Type Bind Vis Ndx Name[@VERSION]`
fn defines(line: &str, name: &str, size: u64) -> bool {
    let words: Vec<_> = line.split_whitespace().collect();
    let [_, _, bytes, _, _, _, section, symbol, ..] = words[..] else {
        return false;
    };
    symbol.split('@').next() == Some(name) && section != "UND" && bytes.parse() == Ok(size)
}

/// In the folders of programs and libraries the audit finds the symbols that a
/// second reader finds there: all of them, and no others.
#[rseq_kit::test]
fn libraries() -> Outcome {
    let folders = [
        "/usr/bin",
        "/usr/sbin",
        "/usr/lib/x86_64-linux-gnu",
        "/usr/lib64",
    ];
    let folders: Vec<_> = folders
        .into_iter()
        .map(Path::new)
        .filter(|folder| folder.is_dir() && !folder.is_symlink())
        .collect();
    let mut found = BTreeMap::new();
    for (path, value) in audit(&folders)? {
        if file_of(&path) != path {
            // the second reader does not look into static libraries
            continue;
        }
        let lines = lines_of(&value).ok_or_else(|| format!("keys are missing: {value}"))?;
        let symbols: BTreeSet<_> = lines
            .into_iter()
            .filter(|line| line.starts_with("symbol:"))
            .collect();
        if !symbols.is_empty() {
            found.insert(path, symbols);
        }
    }
    let mut expected = BTreeMap::new();
    for folder in &folders {
        read_tree(folder, &mut expected)?;
    }
    let differs: Vec<_> = expected
        .iter()
        .filter(|(path, lines)| found.get(*path) != Some(*lines))
        .collect();
    assert!(differs.is_empty(), "only the second reader: {differs:#?}");
    found.retain(|path, _| !expected.contains_key(path));
    assert!(found.is_empty(), "only the audit: {found:#?}");
    Ok(())
}

fn read_tree(
    folder: &Path,
    expected: &mut BTreeMap<PathBuf, BTreeSet<String>>,
) -> Result<(), String> {
    let say = |error: std::io::Error| format!("{}: {error}", folder.display());
    for entry in fs::read_dir(folder).map_err(say)? {
        let entry = entry.map_err(say)?;
        let kind = entry.file_type().map_err(say)?;
        if kind.is_dir() {
            read_tree(&entry.path(), expected)?;
        } else if kind.is_file()
            && let Ok(Some(lines)) = by_second_reader(&entry.path())
            && !lines.is_empty()
        {
            expected.insert(entry.path(), lines);
        }
    }
    Ok(())
}
