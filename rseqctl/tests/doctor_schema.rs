//! The committed schema is the one that the doctor's report is made by, and a
//! report of this machine keeps to it.
//!
//! `UPDATE_GOLDEN=1 cargo test -p rseqctl --test doctor_schema` writes it anew.

use std::env;
use std::fs;
use std::path::Path;
use std::process::Command;

use rseqctl::doctor::Report;
use schemars::schema_for;
use serde_json::Value;

fn schema() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema/doctor.schema.json");
    let mut made = serde_json::to_string_pretty(&schema_for!(Report)).expect("a schema is JSON");
    made.push('\n');
    if env::var_os("UPDATE_GOLDEN").is_some_and(|value| value == "1") {
        fs::write(&path, &made).expect("the schema can be written");
    }
    let committed = fs::read_to_string(&path).expect("the schema is committed");
    assert_eq!(
        committed, made,
        "run with UPDATE_GOLDEN=1 if the change is meant, and tell the users"
    );
    committed
}

#[test]
fn reports_keep_to_the_committed_schema() {
    let schema: Value = serde_json::from_str(&schema()).expect("the schema is JSON");
    let schema = jsonschema::validator_for(&schema).expect("the schema is a schema");
    for arguments in [
        &["--format", "ndjson"][..],
        &["--format", "json"],
        &["--format", "ndjson", "--fleet=web-1"],
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_rseqctl"))
            .args(["doctor", "--fail-on", "never"])
            .args(arguments)
            .output()
            .expect("the command starts");
        let report: Value = serde_json::from_slice(&output.stdout).expect("one JSON object");
        let errors: Vec<_> = schema
            .iter_errors(&report)
            .map(|it| it.to_string())
            .collect();
        assert!(errors.is_empty(), "{errors:?}");
        let has_host = report.get("host").is_some();
        assert_eq!(has_host, arguments.len() > 2, "{report}");

        let mut other = report.clone();
        other["verdicts"] = Value::from("none");
        assert!(!schema.is_valid(&other), "the schema lets anything pass");
    }
}
