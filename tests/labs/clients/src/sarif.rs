//! The official schema of SARIF 2.1.0 (OASIS), out of the source of a pinned crate.

use std::fs;
use std::path::PathBuf;
use std::sync::LazyLock;
use std::time::Duration;

use serde_json::Value;

use rseq_kit::artifacts::room;
use rseq_kit::cache;
use rseq_kit::child::Program;
use rseq_kit::needs::{Asked, Need};

/// The schema of SARIF, which cargo can download.
pub const NEED: Need = Need::new(&Asked("SARIF schema", || schema().map(drop)));

/// The crate, and the schema in it.
const CRATE: &str = "serde-sarif";
const SCHEMA: &str = "src/schema.json";

/// The schema's file, downloaded the first time it is asked for.
///
/// # Errors
///
/// cargo cannot fetch the crate.
pub fn schema() -> Result<PathBuf, String> {
    static FILE: LazyLock<Result<PathBuf, String>> = LazyLock::new(fetch);
    FILE.clone()
}

fn fetch() -> Result<PathBuf, String> {
    let client = room().join("clients/sarif");
    let lock = fs::read_to_string(client.join("Cargo.lock")).map_err(|error| error.to_string())?;
    let version = cache::locked_version(&lock, CRATE).ok_or("no version of it in its lock file")?;
    let name = format!("sarif-schema-{CRATE}-{version}");
    let folder = cache::kept(&name, |folder| {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| env!("CARGO").into());
        let told = Program::with_callers_environment(cargo)
            .args(["metadata", "--locked", "--format-version", "1"])
            .directory(&client)
            .limit(Duration::from_secs(300))
            .run()?;
        if told.code() != 0 {
            let last = told.err.lines().last().unwrap_or_default();
            return Err(format!("needs {CRATE}, which cargo cannot fetch: {last}"));
        }
        let told: Value = serde_json::from_str(&told.out).map_err(|error| error.to_string())?;
        let mut packages = told["packages"].as_array().into_iter().flatten();
        let manifest = packages
            .find(|package| package["name"] == CRATE)
            .and_then(|package| package["manifest_path"].as_str())
            .ok_or("cargo does not tell where it has the crate")?;
        fs::copy(
            PathBuf::from(manifest).with_file_name(SCHEMA),
            folder.join("schema.json"),
        )
        .map(drop)
        .map_err(|error| format!("{SCHEMA} of {CRATE}: {error}"))
    })?;
    Ok(folder.join("schema.json"))
}
