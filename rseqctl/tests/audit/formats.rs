//! The machine formats: json holds the same objects as ndjson, SARIF the same
//! findings, and each of our own is a baseline. (That SARIF keeps to its official
//! schema is a test of the suite `formats`.)

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use rseq_kit::compile::{DEFINES, compile};
use serde_json::Value;
use tempfile::TempDir;

/// A folder with a library that earns an error, in it and in an archive, and a
/// damaged one.
fn folder() -> TempDir {
    let folder = TempDir::new().expect("a temporary folder");
    let library = folder.path().join("a lib.so");
    compile(DEFINES, &["-shared", "-fPIC", "-nostdlib"], &library).expect("a library");
    let bytes = fs::read(&library).expect("just built");
    fs::write(folder.path().join("cut.so"), &bytes[..30]).expect("a temporary file");
    let mut tape = tar::Builder::new(Vec::new());
    tape.append_path_with_name(&library, "usr/b.so")
        .expect("memory");
    let tape = tape.into_inner().expect("memory");
    fs::write(folder.path().join("a.tar"), tape).expect("a temporary file");
    folder
}

fn audit(folder: &Path, format: &str, more: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_rseqctl"))
        .args(["audit", "--format", format, "."])
        .args(more)
        .current_dir(folder)
        .output()
        .expect("the command starts")
}

fn document(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).expect("one JSON document")
}

#[test]
fn sarif_tells_rules_and_places() {
    let folder = folder();
    let report = document(&audit(folder.path(), "sarif", &[]));
    let results = report["runs"][0]["results"].as_array().expect("a list");
    let uris: Vec<_> = results
        .iter()
        .filter(|result| result["ruleId"] == "unloadable-definer")
        .map(|result| {
            let index = result["ruleIndex"].as_u64().expect("a number");
            let rule = &report["runs"][0]["tool"]["driver"]["rules"][index as usize];
            assert_eq!(rule["id"], result["ruleId"]);
            &result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
        })
        .collect();
    assert_eq!(uris, ["./a%20lib.so", "./a.tar!/usr/b.so"]);
    let told = &report["runs"][0]["invocations"][0]["toolExecutionNotifications"];
    assert!(
        told[0]["message"]["text"]
            .as_str()
            .expect("a text")
            .starts_with("./cut.so: ")
    );
}

#[test]
fn json_holds_what_ndjson_holds() {
    let folder = folder();
    let lines = audit(folder.path(), "ndjson", &[]);
    let lines = String::from_utf8(lines.stdout).expect("UTF-8");
    let rows: Vec<Value> = lines
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    let output = audit(folder.path(), "json", &[]);
    let report = document(&output);
    assert_eq!(report["objects"], Value::from(rows));
    assert_eq!(report["problems"][0]["path"], "./cut.so");
    assert_eq!(report["tally"]["errors"], 2);
    for format in ["human", "json", "ndjson", "sarif"] {
        let again = audit(folder.path(), format, &[]).stdout;
        assert_eq!(again, audit(folder.path(), format, &[]).stdout, "{format}");
    }
}

#[test]
fn known_findings_do_not_count() {
    let folder = folder();
    fs::remove_file(folder.path().join("cut.so")).expect("it is ours");
    for format in ["json", "ndjson"] {
        let first = audit(folder.path(), format, &[]);
        assert_eq!(first.status.code(), Some(1));
        let kept = TempDir::new().expect("a temporary folder");
        let file = kept.path().join("baseline");
        fs::write(&file, &first.stdout).expect("a temporary file");
        let more = ["--baseline", file.to_str().expect("UTF-8")];
        let again = audit(folder.path(), "json", &more);
        assert_eq!(again.status.code(), Some(0), "{format}");
        let report = document(&again);
        assert_eq!(report["tally"]["errors"], 0);
        assert_eq!(report["objects"][0]["findings"][0]["known"], true);
        let sarif = document(&audit(folder.path(), "sarif", &more));
        let result = &sarif["runs"][0]["results"][0];
        assert_eq!(result["baselineState"], "unchanged");
        // a new finding counts
        let copy = folder.path().join("new.so");
        fs::copy(folder.path().join("a lib.so"), &copy).expect("a copy");
        assert_eq!(audit(folder.path(), "json", &more).status.code(), Some(1));
        fs::remove_file(copy).expect("it is ours");
    }
    let bad = audit(folder.path(), "json", &["--baseline", "a.c"]);
    assert_eq!(bad.status.code(), Some(2), "{bad:?}");
}
