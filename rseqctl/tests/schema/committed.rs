//! The committed schemas, shared by the tests that hold them to the code.

use std::env;
use std::fs;
use std::path::Path;

use schemars::Schema;
use serde_json::Value;

/// What checks values against the committed schema `name`, which has to be the
/// one `made` from the code; `UPDATE_GOLDEN=1` writes it anew.
pub fn committed(name: &str, made: &Schema) -> jsonschema::Validator {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("schema")
        .join(name);
    let mut made = serde_json::to_string_pretty(made).expect("a schema is JSON");
    made.push('\n');
    if env::var_os("UPDATE_GOLDEN").is_some_and(|value| value == "1") {
        fs::write(&path, &made).expect("the schema can be written");
    }
    let committed = fs::read_to_string(&path).expect("the schema is committed");
    assert_eq!(
        committed, made,
        "run with UPDATE_GOLDEN=1 if the change is meant, and tell the users"
    );
    let schema: Value = serde_json::from_str(&committed).expect("the schema is JSON");
    jsonschema::validator_for(&schema).expect("the schema is a schema")
}
