//! Reports of several hosts, asked with the engine and the views that the book
//! names.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{ExitCode, Stdio};

use rseq_kit::artifacts::artifacts;
use rseq_kit::child::{Program, Running};
use rseq_kit::fixture::built;
use rseq_kit::needs::Need;
use rseq_kit::runner::{Outcome, Suite};
use rseq_kit::scratch;
use rseq_kit::world::World;
use rseq_lab_clients::duckdb;
use rseq_lab_clients::duckdb::ask;
use serde_json::{Value, json};

fn main() -> ExitCode {
    Suite::collected().run()
}

/// A folder of reports.
struct Reports(PathBuf);

impl Reports {
    fn new() -> Result<Self, String> {
        scratch::directory("reports").map(Self)
    }

    /// What `rseqctl` reports of a host.
    fn rows(host: &str, report: &str, arguments: &[&Path]) -> Result<String, String> {
        let mut program = Program::new(&artifacts()?.rseqctl)
            .args([report, "--format", "ndjson", "--fail-on", "never"])
            .arg(format!("--fleet={host}"));
        if report == "doctor" {
            program = program.limit(std::time::Duration::from_secs(60));
        }
        let finished = program.args(arguments).run()?;
        if finished.out.is_empty() {
            return Err(finished.err);
        }
        Ok(finished.out)
    }

    /// Puts rows into the file of a day.
    fn keep(&self, day: &str, name: &str, rows: &str) -> Result<(), String> {
        let folder = self.0.join(day);
        fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
        OpenOptions::new()
            .create(true)
            .append(true)
            .open(folder.join(name))
            .and_then(|mut file| file.write_all(rows.as_bytes()))
            .map_err(|error| error.to_string())
    }

    fn ask(&self, query: &str) -> Result<Vec<Value>, String> {
        let views = rseq_kit::artifacts::room().join("../docs/fleet/views.sql");
        let all = self.0.join("**/*.ndjson").display().to_string();
        ask(&all, &views, query)
    }
}

/// The same rows, made on another day.
fn earlier(rows: &str) -> Result<String, String> {
    changed(rows, |row| row["time"] = "2026-01-01T06:00:00Z".into())
}

fn changed(rows: &str, change: impl Fn(&mut Value)) -> Result<String, String> {
    let mut text = String::new();
    for line in rows.lines() {
        let mut row: Value = serde_json::from_str(line).map_err(|error| error.to_string())?;
        change(&mut row);
        text.push_str(&row.to_string());
        text.push('\n');
    }
    Ok(text)
}

/// A folder in which a Python package has a library.
fn installed(package: &str, library: &Path) -> Result<PathBuf, String> {
    let root = scratch::directory("root")?;
    let folder = root.join("lib/python3/site-packages").join(package);
    fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
    fs::copy(library, folder.join("library.so")).map_err(|error| error.to_string())?;
    Ok(root)
}

/// A program that waits, in a world.
fn waiting(case: &str, world: &str) -> Result<Running, String> {
    let program = Program::new(built("addresses", case)?).input(Stdio::piped());
    let (program, _) = World::from_name(world)?.prepare(program)?;
    let mut running = program.start()?;
    running.wait_for_output(|text| text.contains("ready\n").then_some(()))?;
    Ok(running)
}

fn id(running: &Running) -> PathBuf {
    PathBuf::from(running.id().to_string())
}

#[rseq_kit::test(Need::LIVE, duckdb::NEED)]
fn packages() -> Outcome {
    let reports = Reports::new()?;
    let adopted = installed("adopted", &built("definer-library", "nodelete")?)?;
    let hidden = installed("hidden", &built("definer-library", "hidden")?)?;
    for (host, roots) in [
        ("web-1", &[&*adopted][..]),
        ("web-2", &[&*adopted, &*hidden]),
    ] {
        let rows = Reports::rows(host, "audit", roots)?;
        reports.keep("today", &format!("{host}.ndjson"), &rows)?;
    }
    let found = reports.ask("SELECT package, hosts, exported, on_hosts FROM defining_packages")?;
    let expected = [
        json!(["adopted", 2, true, ["web-1", "web-2"]]),
        json!(["hidden", 1, false, ["web-2"]]),
    ];
    assert_eq!(found, expected);
    let found = reports.ask(
        "SELECT package(path) FROM (VALUES ('/srv/a.deb!/usr/lib/x.so'), \
         ('/app/node_modules/@scope/name/bin/x'), ('/opt/thing/lib/x.so'), ('/usr/bin/x')) \
         AS paths(path)",
    )?;
    let expected = ["a.deb", "@scope/name", "thing", "/usr/bin/x"];
    assert_eq!(found, expected.map(|name| json!([name])));
    Ok(())
}

#[rseq_kit::test(Need::LIVE, duckdb::NEED)]
fn colliding() -> Outcome {
    let reports = Reports::new()?;
    for (host, case, world) in [
        ("web-1", "exports", "plain"),
        ("web-2", "exports", "shim"),
        ("web-3", "nobody", "plain"),
    ] {
        let running = waiting(case, world)?;
        let rows = Reports::rows(host, "ps", &[&id(&running)])?;
        reports.keep("today", "all.ndjson", &rows)?;
    }
    let found = reports.ask(
        "SELECT host, parse_filename(definer), owner, processes, threads FROM colliding_hosts",
    )?;
    assert_eq!(found, [json!(["web-1", "addresses", "libc", 1, 5])]);
    Ok(())
}

#[rseq_kit::test(Need::LIVE, duckdb::NEED)]
fn changes() -> Outcome {
    let reports = Reports::new()?;
    let old = installed("retired", &built("definer-library", "unloadable")?)?;
    let new = installed("adopted", &built("definer-library", "nodelete")?)?;
    let rows = earlier(&Reports::rows("web-1", "audit", &[&old])?)?;
    reports.keep("yesterday", "web-1.ndjson", &rows)?;
    for host in ["web-1", "new-host"] {
        let rows = Reports::rows(host, "audit", &[&new])?;
        reports.keep("today", &format!("{host}.ndjson"), &rows)?;
    }
    let found = reports.ask(
        "SELECT DISTINCT change, host, package(subject), split_part(statement, ',', 1) \
         FROM changes ORDER BY ALL",
    )?;
    let expected = [
        json!(["gone", "web-1", "retired", "defines __rseq_abi"]),
        json!(["gone", "web-1", "retired", "exported-definer"]),
        json!(["gone", "web-1", "retired", "unloadable-definer"]),
        json!(["new", "web-1", "adopted", "defines __rseq_abi"]),
        json!(["new", "web-1", "adopted", "exported-definer"]),
    ];
    assert_eq!(found, expected);
    Ok(())
}

/// A host whose kernel does not rewrite what an adopter relies on, by a row such
/// as the doctor writes there.
#[rseq_kit::test(Need::LIVE, duckdb::NEED)]
fn at_risk() -> Outcome {
    let reports = Reports::new()?;
    for (host, verdict) in [("web-1", "cpu-id-start-kept"), ("web-2", "libc-registers")] {
        let running = waiting("exports", "shim")?;
        let rows = Reports::rows(host, "ps", &[&id(&running)])?;
        reports.keep("today", &format!("{host}.ndjson"), &rows)?;
        let rows = changed(&Reports::rows(host, "doctor", &[])?, |row| {
            row["verdicts"] = json!([{ "verdict": verdict, "level": "error", "title": "" }]);
        })?;
        reports.keep("today", &format!("{host}.ndjson"), &rows)?;
    }
    let found = reports.ask("SELECT host, owner, verdict FROM at_risk")?;
    assert_eq!(found, [json!(["web-1", "adopter", "cpu-id-start-kept"])]);
    Ok(())
}
