//! The wheel, in an environment of Python's own.

use std::fs;
use std::path::Path;
use std::time::Duration;

use rseq_kit::artifacts::room;
use rseq_kit::child::{Finished, Program};
use rseq_kit::needs::{Asked, Need, program};
use rseq_kit::runner::Outcome;
use rseq_kit::scratch;

use crate::package;

const NEEDS: [Need; 4] = [
    Need::X86_64,
    Need::PYTHON,
    Need::PTRACE,
    Need::new(&Asked("venv of Python", has_venv)),
];

fn has_venv() -> Result<(), String> {
    let told = Program::with_callers_environment(program("python3")?)
        .args(["-c", "import ensurepip, venv"])
        .run()?;
    told.expect(0)
        .map(drop)
        .map_err(|_| "needs venv of Python (Debian's package python3-venv)".to_owned())
}

fn inside(environment: &Path, name: &str, words: &[&str]) -> Result<Finished, String> {
    Program::with_callers_environment(environment.join("bin").join(name))
        .args(words)
        .limit(Duration::from_secs(120))
        .run()
}

/// Asks everything once, and compares every answer with its declared shape.
const QUESTIONS: &str = r#"
import os, rseqctl
from rseqctl import _shapes

def same(value, shape):
    names = set(shape.__annotations__)
    assert shape.__required_keys__ <= set(value) <= names, (shape, set(value) ^ names)

[process] = rseqctl.ps(os.getpid())
same(process, rseqctl.Process)
same(process["threads"][0], rseqctl.Thread)
assert process["pid"] == os.getpid(), process
[found] = rseqctl.audit("/proc/self/exe", all_objects=True)
same(found, rseqctl.AuditedObject)
host = rseqctl.doctor()
same(host, rseqctl.Host)
for name in ("Auxv", "Kernel", "Libc", "Seccomp"):
    same(host[{"Auxv": "auxv", "Kernel": "kernel", "Libc": "libc", "Seccomp": "seccomp"}[name]],
         getattr(_shapes, name))
try:
    rseqctl.audit("/nowhere/at/all")
except rseqctl.Error as error:
    print("error:", error)
print("right")
"#;

#[rseq_kit::test(NEEDS)]
fn installed_asked_and_removed() -> Outcome {
    let environment = scratch::directory("venv")?;
    Program::with_callers_environment(program("python3")?)
        .args(["-m", "venv"])
        .arg(&environment)
        .limit(Duration::from_secs(120))
        .run()?
        .expect(0)?;
    let wheel = package("rseqctl", ".whl")?;
    let wheel = wheel.to_str().ok_or("a path that is no text")?;
    let install = ["install", "--quiet", "--no-index", "--no-deps", wheel];
    inside(&environment, "pip", &install)?.expect(0)?;
    let told = inside(&environment, "rseqctl", &["--version"])?.expect(0)?;
    let version = env!("CARGO_PKG_VERSION");
    assert!(
        told.out.starts_with(&format!("rseqctl {version}")),
        "{}",
        told.out
    );
    let told = inside(&environment, "python3", &["-I", "-c", QUESTIONS])?.expect(0)?;
    assert!(told.out.contains("error: "), "{}", told.out);
    assert!(told.out.ends_with("right\n"), "{}{}", told.out, told.err);
    inside(
        &environment,
        "pip",
        &["uninstall", "--quiet", "--yes", "rseqctl"],
    )?
    .expect(0)?;
    assert!(!environment.join("bin/rseqctl").exists());
    Ok(())
}

/// Prints the names of every declared shape.
const SHAPES: &str = r#"
import json, sys
sys.path.insert(0, sys.argv[1])
from rseqctl import _shapes
shapes = {"ps": "Process", "audit": "AuditedObject", "doctor": "Host"}
print(json.dumps({name: sorted(getattr(_shapes, it).__annotations__)
                  for name, it in shapes.items()}))
"#;

#[rseq_kit::test([Need::PYTHON])]
fn shapes_are_those_of_the_schemas() -> Outcome {
    let command = room().join("../rseqctl");
    let told = Program::with_callers_environment(program("python3")?)
        .args(["-c", SHAPES])
        .arg(command.join("python"))
        .run()?
        .expect(0)?;
    let shapes: serde_json::Value = serde_json::from_str(&told.out)?;
    for name in ["ps", "audit", "doctor"] {
        let schema = fs::read(command.join(format!("schema/{name}.schema.json")))?;
        let schema: serde_json::Value = serde_json::from_slice(&schema)?;
        let properties = schema["properties"].as_object().ok_or("no properties")?;
        let mut names: Vec<&str> = properties.keys().map(String::as_str).collect();
        names.sort_unstable();
        assert_eq!(shapes[name], serde_json::json!(names), "{name}");
    }
    Ok(())
}
