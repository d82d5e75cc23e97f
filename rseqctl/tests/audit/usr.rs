//! The audit of this machine's /usr, compared with readelf.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::command::{ndjson, rows, status};

#[test]
fn the_audit_of_usr_says_what_readelf_says() {
    let output = ndjson(&[Path::new("/usr")]);
    // 1 and 3 depend on what is installed and who runs the test
    assert!(matches!(status(&output), 0 | 1 | 3), "{output:?}");
    let rows = rows(&output);
    let paths: Vec<_> = rows.iter().map(|row| &row["path"]).collect();
    assert!(paths.is_sorted_by_key(|path| path.as_str()));
    for row in &rows {
        let path = row["path"].as_str().expect("a string");
        let told = readelf(path);
        assert_eq!(dynamic_symbols(row), symbols_in(&told), "{path}");
        for section in row["sections"].as_array().expect("a list") {
            let name = section["name"].as_str().expect("a string");
            assert!(told.contains(name), "{path} {name}");
        }
    }
    assert_eq!(output.stdout, ndjson(&[Path::new("/usr")]).stdout);
}

/// Names and roles of the dynamic symbols of a row, sorted.
fn dynamic_symbols(row: &Value) -> Vec<(String, bool)> {
    let mut symbols: Vec<_> = row["symbols"]
        .as_array()
        .expect("a list")
        .iter()
        .filter(|symbol| symbol["table"] == "dynsym")
        .map(|symbol| {
            let name = symbol["name"].as_str().expect("a string").to_owned();
            // to readelf a copy is a definition
            (name, symbol["role"] != "references")
        })
        .collect();
    symbols.sort();
    symbols
}

/// The same, as readelf prints them.
fn symbols_in(told: &str) -> Vec<(String, bool)> {
    let mut symbols: Vec<_> = told
        .lines()
        .filter_map(|line| {
            let fields: Vec<_> = line.split_whitespace().collect();
            let name = fields.get(7)?.split('@').next()?;
            let ours = [
                "__rseq_abi",
                "__rseq_offset",
                "__rseq_size",
                "__rseq_flags",
                "__rseq_handled",
            ];
            ours.contains(&name)
                .then(|| (name.to_owned(), fields[6] != "UND"))
        })
        .collect();
    symbols.sort();
    symbols
}

/// What readelf prints of a file's sections and dynamic symbols.
fn readelf(path: &str) -> String {
    let output = Command::new("readelf")
        .args(["--sections", "--dyn-syms", "--wide", path])
        .output()
        .expect("readelf comes with the compiler's linker");
    String::from_utf8_lossy(&output.stdout).into_owned()
}
