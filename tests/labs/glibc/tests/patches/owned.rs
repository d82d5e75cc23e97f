//! What is said about programs on a libc that owns `__rseq_abi`: by the shim, by
//! `run`, `ps`, `doctor` and the audit. All of them name the libc as the owner.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use rseq_kit::artifacts::artifacts;
use rseq_kit::child::{Program, Running};
use rseq_kit::needs::Need;
use rseq_kit::runner::{Outcome, Suite};
use rseq_kit::world::Records;
use rseq_lab_glibc::Patched;
use rseq_lab_glibc::link::Kind;
use serde_json::Value;

/// The reason that everybody gives.
pub const REASON: &str = "the libc owns __rseq_abi and registers it in every thread";

/// The reason that a plan gives, for what has not started.
const PLANNED: &str = "the libc owns __rseq_abi and will register it in every thread";

/// What a program says that shares the area in all of its threads.
const SHARED: &str = "shared 5 handled 1\n";

/// Where the program's definition is.
const REFERS: Case = Case("refers", Kind::Dynamic, &[]);
const DEFINES: Case = Case("defines", Kind::Dynamic, &["-DDEFINES"]);
const HIDES: Case = Case("hides", Kind::Dynamic, &["-DHIDES"]);
const STATIC: Case = Case("static", Kind::Static, &[]);
const STATIC_DEFINES: Case = Case("static-defines", Kind::Static, &["-DDEFINES"]);
const STATIC_PIE: Case = Case("static-pie", Kind::StaticPie, &[]);
const STATIC_PIE_DEFINES: Case = Case("static-pie-defines", Kind::StaticPie, &["-DDEFINES"]);

#[derive(Clone, Copy)]
struct Case(&'static str, Kind, &'static [&'static str]);

impl Case {
    fn build(self, base: &str) -> Result<PathBuf, String> {
        Patched::of(base)?.compile("shared", self.1, self.2)
    }
}

pub fn add(suite: &mut Suite, base: &'static str, needs: &[Need]) {
    let mut add = |name: &str, needs: &[Need], body: fn(&'static str) -> Outcome| {
        suite.add(format!("{base}::owned::{name}"), needs, move || body(base));
    };
    let traced = [needs, &[Need::PTRACE]].concat();
    add("shim", needs, shim);
    add("audited", needs, audited);
    add("run", needs, run);
    add("run-plans", needs, run_plans);
    add("ps", &traced, ps);
    add("ps-static", &traced, ps_static);
    add("ps-of-a-refused-program", &traced, ps_of_a_refused_program);
    add("doctor", needs, doctor);
    add("audit", needs, audit);
}

/// It stays passive, whatever it is told, and leaves `__rseq_handled` at 1.
fn shim(base: &'static str) -> Outcome {
    for case in [REFERS, DEFINES] {
        let program = case.build(base)?;
        for mode in ["auto", "own", "takeover"] {
            let records = Records::new()?;
            let finished = Program::new(&program)
                .env("LD_PRELOAD", &artifacts()?.shim)
                .env("RSEQ_SHIM_MODE", mode)
                .env("RSEQ_SHIM_REPORT", records.report_path())
                .run()?
                .expect(0)?;
            assert_eq!(finished.out, format!("{SHARED}ready\n"), "{mode}");
            assert_eq!(finished.err, "", "{mode}");
            let report = records.report()?;
            assert_eq!(report.owner()?, "libc", "{} {mode}", case.0);
            assert_eq!(report.reason()?, REASON, "{} {mode}", case.0);
            assert_eq!(report.threads("registered")?, 5, "{} {mode}", case.0);
        }
    }
    Ok(())
}

/// With an audit module the dynamic linker goes another way to the definition.
fn audited(base: &'static str) -> Outcome {
    let patched = Patched::of(base)?;
    let module = patched.compile("audits", Kind::Library, &[])?;
    let definer = patched.compile("definer", Kind::Library, &[])?;
    let definer = definer.display().to_string();
    let needing = patched.compile("shared", Kind::Dynamic, &["-Wl,--no-as-needed", &definer])?;
    for program in [REFERS.build(base)?, DEFINES.build(base)?, needing] {
        let finished = Program::new(&program)
            .env("LD_AUDIT", &module)
            .run()?
            .expect(0)?;
        assert_eq!(finished.out, format!("{SHARED}ready\n"));
        assert_eq!(finished.err, "");
    }
    Ok(())
}

fn run(base: &'static str) -> Outcome {
    for case in [REFERS, DEFINES, STATIC, STATIC_PIE_DEFINES] {
        let finished = rseqctl(&["run", "--report", "-", "--"])?
            .arg(case.build(base)?)
            .run()?
            .expect(0)?;
        let out = finished.out.split_once("ready\n");
        assert_eq!(out.map(|(said, _)| said), Some(SHARED), "{}", case.0);
    }
    Ok(())
}

/// Only a definition that the libc cannot see is a reason to switch it off.
fn run_plans(base: &'static str) -> Outcome {
    let plan = |case: Case, mode: &str| -> Result<Value, String> {
        let finished = rseqctl(&["run", "--dry-run", "--format", "json", "--mode", mode, "--"])?
            .arg(case.build(base)?)
            .run()?
            .expect(0)?;
        json(&finished.out)
    };
    for case in [REFERS, DEFINES, STATIC, STATIC_DEFINES, STATIC_PIE_DEFINES] {
        let plan = plan(case, "auto")?;
        assert_eq!(plan["owner"], "libc", "{}: {plan}", case.0);
        assert_eq!(plan["because"], PLANNED, "{}: {plan}", case.0);
        assert_eq!(plan["set"]["GLIBC_TUNABLES"], Value::Null, "{plan}");
        assert!(!plan["means"].to_string().contains("slow path"), "{plan}");
    }
    let takeover = plan(DEFINES, "takeover")?;
    assert_eq!(takeover["because"], PLANNED, "{takeover}");
    let hides = plan(HIDES, "auto")?;
    assert_eq!(hides["owner"], "client", "{hides}");
    let tunables = &hides["set"]["GLIBC_TUNABLES"];
    assert_eq!(tunables, "glibc.pthread.rseq=0", "{hides}");
    Ok(())
}

fn ps(base: &'static str) -> Outcome {
    for (case, with_shim, of) in [
        (REFERS, false, ""),
        (DEFINES, false, ": that of "),
        (REFERS, true, ""),
        (DEFINES, true, ": that of "),
    ] {
        let mut program = Program::new(case.build(base)?);
        if with_shim {
            program = program.env("LD_PRELOAD", &artifacts()?.shim);
        }
        owned_by_libc(program, of)?;
    }
    Ok(())
}

/// With the libc's own symbols in the program, nobody is taken for a client.
fn ps_static(base: &'static str) -> Outcome {
    for case in [STATIC, STATIC_DEFINES, STATIC_PIE, STATIC_PIE_DEFINES] {
        owned_by_libc(Program::new(case.build(base)?), "")?;
    }
    Ok(())
}

fn owned_by_libc(program: Program, of: &str) -> Result<(), String> {
    let running = ready(program, SHARED)?;
    let row = look(&running)?;
    assert_eq!(row["owner"], "libc", "{row}");
    let because = row["because"].as_str().unwrap_or_default();
    assert!(because.starts_with(&format!("{REASON}{of}")), "{row}");
    let threads = row["threads"].as_array().ok_or("no threads")?;
    assert_eq!(threads.len(), 5, "{row}");
    // whatever the length of the definition
    for thread in threads {
        assert_eq!(thread["length"], 32, "{row}");
        assert_eq!(thread["area_evidence"], "proved", "{row}");
    }
    assert_eq!(complaints(&row), [""; 0], "{row}");
    let objects = row["objects"].as_array().ok_or("no objects")?;
    let paths: BTreeSet<_> = objects.iter().map(|it| it["path"].as_str()).collect();
    assert_eq!(paths.len(), objects.len(), "{row}");
    Ok(())
}

/// A definition that the libc cannot see is told of the way out.
fn ps_of_a_refused_program(base: &'static str) -> Outcome {
    let running = ready(Program::new(HIDES.build(base)?), "shared 0 handled 1\n")?;
    let row = look(&running)?;
    assert_eq!(row["owner"], "libc", "{row}");
    assert_eq!(complaints(&row), ["refused-client"], "{row}");
    let message = row["findings"].to_string();
    assert!(message.contains("the libc owns __rseq_abi"), "{row}");
    Ok(())
}

fn doctor(base: &'static str) -> Outcome {
    let words = Patched::of(base)?.command(&artifacts()?.rseqctl);
    let [ld_so, rest @ ..] = &words[..] else {
        return Err("no words".into());
    };
    let finished = Program::new(ld_so)
        .args(rest)
        .args(["doctor", "--format", "json"])
        .limit(Duration::from_secs(60))
        .run()?;
    let told = json(&finished.out)?;
    assert_eq!(told["libc"]["owns_symbol"], true, "{told}");
    assert_eq!(told["libc"]["registered_by"], "shared", "{told}");
    let verdicts = told["verdicts"].to_string();
    assert!(verdicts.contains("libc-owns-symbol"), "{verdicts}");
    assert!(!verdicts.contains("\"libc-registers\""), "{verdicts}");
    Ok(())
}

/// libc.so.6 is not told to become what it is.
fn audit(base: &'static str) -> Outcome {
    let libc = Patched::of(base)?.libraries().join("libc.so.6");
    let finished = rseqctl(&["audit", "--format", "ndjson"])?
        .arg(libc)
        .run()?
        .expect(0)?;
    let row = json(&finished.out)?;
    let findings = row["findings"].as_array().ok_or("no findings")?;
    assert_eq!(findings.len(), 1, "{row}");
    let message = findings[0]["message"].as_str().unwrap_or_default();
    assert!(message.contains("a libc that owns __rseq_abi"), "{row}");
    Ok(())
}

fn rseqctl(words: &[&str]) -> Result<Program, String> {
    Ok(Program::new(&artifacts()?.rseqctl)
        .args(words)
        .limit(Duration::from_secs(60)))
}

fn json(text: &str) -> Result<Value, String> {
    serde_json::from_str(text).map_err(|error| format!("{error}: {text}"))
}

/// A program that has said what it had to say, and waits.
fn ready(program: Program, expected: &str) -> Result<Running, String> {
    let mut running = program.input(Stdio::piped()).start()?;
    let said = running.wait_for_output(|text| text.strip_suffix("ready\n").map(str::to_owned))?;
    assert_eq!(said, expected);
    Ok(running)
}

pub fn look(running: &Running) -> Result<Value, String> {
    let finished = rseqctl(&["ps", "--format", "ndjson"])?
        .arg(running.id().to_string())
        .run()?;
    json(&finished.out)
}

/// The rules that are broken; a note is no complaint.
pub fn complaints(row: &Value) -> Vec<&str> {
    let findings = row["findings"].as_array().into_iter().flatten();
    findings
        .filter(|finding| finding["level"] != "note")
        .filter_map(|finding| finding["rule"].as_str())
        .collect()
}
