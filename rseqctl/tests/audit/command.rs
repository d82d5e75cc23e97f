//! `rseqctl audit`, started, and what it says.

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

pub fn rseqctl() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rseqctl"));
    command.arg("audit");
    command
}

pub fn audit<I: AsRef<OsStr>>(arguments: impl IntoIterator<Item = I>) -> Output {
    rseqctl()
        .args(arguments)
        .output()
        .expect("the command starts")
}

pub fn status(output: &Output) -> i32 {
    output.status.code().expect("the command exits by itself")
}

pub fn out(output: &Output) -> &str {
    std::str::from_utf8(&output.stdout).expect("the report is UTF-8")
}

pub fn complaints(output: &Output) -> &str {
    std::str::from_utf8(&output.stderr).expect("messages are UTF-8")
}

pub fn rows(output: &Output) -> Vec<Value> {
    out(output)
        .lines()
        .map(|line| serde_json::from_str(line).expect("a line is a JSON object"))
        .collect()
}

pub fn ndjson(paths: &[&Path]) -> Output {
    let mut command = rseqctl();
    command.args(["--format", "ndjson"]).args(paths);
    command.output().expect("the command starts")
}
