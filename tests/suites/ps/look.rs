//! Starting a process, looking at it, and what has to hold afterwards.

use std::fs;
use std::process::Stdio;
use std::time::Duration;

use rseq_kit::artifacts::artifacts;
use rseq_kit::child::{Finished, Program, Running};
use rseq_kit::fixture::built;
use serde_json::Value;

/// A program that has said that it is ready, and waits for the end of its input.
pub(crate) fn ready(program: Program) -> Result<Running, String> {
    let mut running = program
        .input(Stdio::piped())
        .limit(Duration::from_secs(180))
        .start()?;
    running.wait_for_output(|text| text.contains("ready\n").then_some(()))?;
    Ok(running)
}

/// The fixture `idle` with so many threads besides the main one.
pub(crate) fn idle(case: &str, threads: u32) -> Result<Program, String> {
    Ok(Program::new(built("idle", case)?).arg(threads.to_string()))
}

/// It has not noticed anything: it ends well, by itself.
pub(crate) fn ends(mut running: Running) -> Result<Finished, String> {
    drop(running.take_input());
    running.finish()?.expect(0)
}

pub(crate) fn ps() -> Result<Program, String> {
    let program = Program::new(&artifacts()?.rseqctl).arg("ps");
    Ok(program.limit(Duration::from_secs(120)))
}

/// What is said about one process, with the exit status.
pub(crate) fn look_with(id: i32, arguments: &[&str]) -> Result<(Value, i32), String> {
    let finished = ps()?
        .args(["--format", "ndjson"])
        .args(arguments)
        .arg(id.to_string())
        .run()?;
    let row = serde_json::from_str(&finished.out)
        .map_err(|error| format!("{error}: {} {}", finished.out, finished.err))?;
    Ok((row, finished.code()))
}

pub(crate) fn look(id: i32) -> Result<Value, String> {
    look_with(id, &[]).map(|(row, _)| row)
}

pub(crate) fn threads(row: &Value) -> impl Iterator<Item = &Value> {
    row["threads"].as_array().into_iter().flatten()
}

pub(crate) fn rules(row: &Value) -> Vec<&str> {
    let findings = row["findings"].as_array().into_iter().flatten();
    findings.filter_map(|it| it["rule"].as_str()).collect()
}

/// The message of the finding of this rule.
pub(crate) fn message<'a>(row: &'a Value, rule: &str) -> Option<&'a str> {
    let mut findings = row["findings"].as_array()?.iter();
    findings.find(|it| it["rule"] == rule)?["message"].as_str()
}

/// Nobody traces any thread of the process, and none is stopped.
pub(crate) fn is_left_alone(id: i32) -> Result<(), String> {
    let say = |error: std::io::Error| format!("process {id}: {error}");
    for entry in fs::read_dir(format!("/proc/{id}/task")).map_err(say)? {
        let path = entry.map_err(say)?.path().join("status");
        // a thread may have ended meanwhile
        let text = fs::read_to_string(path).unwrap_or_default();
        let stays = |line: &str| line.starts_with("State:\tt") || line.starts_with("State:\tT");
        if text.lines().any(stays) || !text.is_empty() && !text.contains("TracerPid:\t0\n") {
            return Err(text);
        }
    }
    Ok(())
}
