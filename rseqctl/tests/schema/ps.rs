//! The committed schemas of `ps` and of the host's keys are those of the rows.
//!
//! `UPDATE_GOLDEN=1 cargo test -p rseqctl --test schema` writes them anew.

use std::process::Command;

use crate::committed::committed;
use rseqctl::{process::Row, report::Host};
use schemars::schema_for;
use serde_json::Value;

#[test]
fn the_committed_schemas_are_those_of_the_rows() {
    committed("ps.schema.json", &schema_for!(Row));
    committed("host.schema.json", &schema_for!(Host));
}

#[test]
fn rows_keep_to_the_schemas() {
    let pid = std::process::id().to_string();
    let output = Command::new(env!("CARGO_BIN_EXE_rseqctl"))
        .args([
            "ps",
            "--format",
            "ndjson",
            "--verbose",
            "--fleet=here",
            &pid,
        ])
        .output()
        .expect("the command starts");
    let text = String::from_utf8(output.stdout).expect("JSON is UTF-8");
    assert_eq!(text.lines().count(), 1, "{text}");
    let row: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(row["report"], "ps");
    assert_eq!(row["host"], "here");
    assert_eq!(row["pid"].to_string(), pid);
    for schema in [schema_for!(Row), schema_for!(Host)] {
        let schema = serde_json::to_value(schema).expect("JSON");
        let schema = jsonschema::validator_for(&schema).expect("a schema");
        let errors: Vec<_> = schema.iter_errors(&row).map(|it| it.to_string()).collect();
        assert_eq!(errors, Vec::<String>::new(), "{text}");
    }
}

#[test]
fn what_is_no_process_is_said() {
    // no process has a greater id than this (PID_MAX_LIMIT)
    let output = Command::new(env!("CARGO_BIN_EXE_rseqctl"))
        .args(["ps", "4194305"])
        .output()
        .expect("the command starts");
    assert_eq!(output.status.code(), Some(2));
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(text.contains("4194305: no such process"), "{text}");
}
