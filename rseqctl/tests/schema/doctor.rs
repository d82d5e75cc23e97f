//! The committed schemas are those that the doctor's report and `run`'s plan and
//! report are made by, and what is printed on this machine keeps to them.
//!
//! `UPDATE_GOLDEN=1 cargo test -p rseqctl --test schema` writes it anew.

use std::process::Command;

use crate::committed::committed;
use rseqctl::host::HostReport;
use rseqctl::launch::{FinalReport, Plan};
use schemars::schema_for;
use serde_json::Value;

fn printed(arguments: &[&str]) -> Value {
    let output = Command::new(env!("CARGO_BIN_EXE_rseqctl"))
        .args(arguments)
        .output()
        .expect("the command starts");
    serde_json::from_slice(&output.stdout).expect("one JSON object")
}

#[test]
fn reports_keep_to_the_committed_schema() {
    let schema = committed("doctor.schema.json", &schema_for!(HostReport));
    for arguments in [
        &["doctor", "--format", "ndjson"][..],
        &["doctor", "--format", "json"],
        &["doctor", "--format", "ndjson", "--fleet=web-1"],
    ] {
        let report = printed(arguments);
        let errors: Vec<_> = schema
            .iter_errors(&report)
            .map(|it| it.to_string())
            .collect();
        assert!(errors.is_empty(), "{errors:?}");
        let has_host = report.get("host").is_some();
        assert_eq!(has_host, arguments.len() > 3, "{report}");

        let mut other = report.clone();
        other["verdicts"] = Value::from("none");
        assert!(!schema.is_valid(&other), "the schema lets anything pass");
    }
}

#[test]
fn plans_keep_to_the_committed_schema() {
    let schema = committed("run.schema.json", &schema_for!(Plan));
    let own = env!("CARGO_BIN_EXE_rseqctl");
    for command in [&[own][..], &["nice", "sh", "-c", "exit 0; :"]] {
        let mut arguments = vec![
            "run",
            "--dry-run",
            "--format",
            "json",
            "--mode",
            "off",
            "--",
        ];
        arguments.extend(command);
        let plan = printed(&arguments);
        let errors: Vec<_> = schema.iter_errors(&plan).map(|it| it.to_string()).collect();
        assert!(errors.is_empty(), "{errors:?}");
    }
}

#[test]
fn reports_of_a_run_keep_to_the_committed_schema() {
    let schema = committed("run-report.schema.json", &schema_for!(FinalReport));
    // with the shim where it has been built, and without
    for mode in ["auto", "off"] {
        let output = Command::new(env!("CARGO_BIN_EXE_rseqctl"))
            .args(["run", "--mode", mode, "--report", "-", "--", "true"])
            .output()
            .expect("the command starts");
        let said = String::from_utf8_lossy(&output.stderr);
        if mode == "auto" && said.contains("nor built in") {
            continue;
        }
        let report: Value = serde_json::from_slice(&output.stdout).expect("one JSON object");
        let errors: Vec<_> = schema
            .iter_errors(&report)
            .map(|it| it.to_string())
            .collect();
        assert!(errors.is_empty(), "{errors:?}");
        assert_eq!(report["shim_loaded"], mode == "auto", "{report}");
        assert_eq!(report["threads"].is_null(), mode == "off", "{report}");
        let mut other = report.clone();
        other["verdict"] = Value::Null;
        assert!(!schema.is_valid(&other), "the schema lets anything pass");
    }
}
