//! The committed schema is the one that the rows are made by.
//!
//! `UPDATE_GOLDEN=1 cargo test -p rseqctl --test audit_schema` writes it anew.

use std::env;
use std::fs;
use std::path::Path;

use rseqctl::audit::Row;
use schemars::schema_for;

#[test]
fn the_committed_schema_is_that_of_the_rows() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema/audit.schema.json");
    let mut made = serde_json::to_string_pretty(&schema_for!(Row)).expect("a schema is JSON");
    made.push('\n');
    if env::var_os("UPDATE_GOLDEN").is_some_and(|value| value == "1") {
        fs::write(&path, &made).expect("the schema can be written");
    }
    let committed = fs::read_to_string(&path).expect("the schema is committed");
    assert_eq!(
        committed, made,
        "run with UPDATE_GOLDEN=1 if the change is meant, and tell the users"
    );
}
