//! The committed schemas are those of the rows and of the document, and what is
//! printed keeps to them.
//!
//! `UPDATE_GOLDEN=1 cargo test -p rseqctl --test schema` writes them anew.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::committed::committed;
use rseq_kit::compile::{DEFINES, compile};
use rseqctl::audit::{Document, Row};
use schemars::schema_for;
use serde_json::Value;

/// What an audit prints that has objects, findings, damage and problems to tell.
fn printed(arguments: &[&str]) -> String {
    let folder = tempfile::TempDir::new().expect("a temporary folder");
    let library = folder.path().join("liba.so");
    compile(DEFINES, &["-shared", "-fPIC", "-nostdlib"], &library).expect("a library");
    let whole = fs::read(&library).expect("just built");
    let cut = folder.path().join("cut.so");
    fs::write(cut, &whole[..whole.len() - 100]).expect("a temporary file");
    let output = Command::new(env!("CARGO_BIN_EXE_rseqctl"))
        .args(["audit", "--all", "--program", env!("CARGO_BIN_EXE_rseqctl")])
        .args(arguments)
        .args([folder.path(), Path::new("absent")])
        .output()
        .expect("the command starts");
    String::from_utf8(output.stdout).expect("JSON is UTF-8")
}

fn faults(schema: &jsonschema::Validator, value: &Value) -> Vec<String> {
    schema.iter_errors(value).map(|it| it.to_string()).collect()
}

#[test]
fn lines_keep_to_the_committed_schema() {
    let schema = committed("audit.schema.json", &schema_for!(Row));
    for more in [&["--format", "ndjson"][..], &["--format=ndjson", "--fleet"]] {
        let text = printed(more);
        assert!(text.lines().count() >= 3, "{text}");
        for line in text.lines() {
            let row = serde_json::from_str(line).expect("JSON");
            assert_eq!(faults(&schema, &row), Vec::<String>::new(), "{line}");
        }
    }
}

#[test]
fn documents_keep_to_the_committed_schema() {
    let schema = committed("audit-document.schema.json", &schema_for!(Document));
    for more in [&["--format", "json"][..], &["--format=json", "--fleet"]] {
        let document: Value = serde_json::from_str(&printed(more)).expect("JSON");
        assert_eq!(faults(&schema, &document), Vec::<String>::new());
        assert_eq!(document.get("host").is_some(), more.contains(&"--fleet"));
        assert!(document["objects"][0].is_object(), "{document}");
        assert!(document["problems"][1].is_object(), "{document}");

        for key in ["objects", "problems", "tally"] {
            let mut other = document.clone();
            other[key] = Value::from("none");
            assert!(!schema.is_valid(&other), "the schema lets any {key} pass");
        }
        let mut other = document.clone();
        other["new"] = Value::from(1);
        assert!(!schema.is_valid(&other), "the schema lets any key pass");
    }
}
