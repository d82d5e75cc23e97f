//! SARIF keeps to its official schema, whatever there is to say.

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use jsonschema::Validator;
use rseq_kit::artifacts::artifacts;
use rseq_kit::child::Program;
use rseq_kit::fixture::built;
use rseq_kit::needs::Need;
use rseq_kit::runner::{Outcome, Suite};
use rseq_kit::scratch;
use rseq_lab_clients::sarif;
use serde_json::{Value, json};

fn main() -> ExitCode {
    Suite::collected().run()
}

#[rseq_kit::test(sarif::NEED, Need::X86_64, Need::CC)]
fn sarif_nothing() -> Outcome {
    let folder = scratch::directory("sarif")?;
    let report = report(&folder)?;
    assert_eq!(results(&report), 0, "{report}");
    keeps_to_schema(&report)
}

/// A definer with something to say about it, in a container too, and a file that
/// cannot be read as what it is.
#[rseq_kit::test(sarif::NEED, Need::X86_64, Need::CC)]
fn sarif_findings_and_problems() -> Outcome {
    let folder = scratch::directory("sarif")?;
    let library = built("definer-library", "unloadable")?;
    let bytes = fs::read(library).map_err(|error| error.to_string())?;
    let write = |name: &str, bytes: &[u8]| {
        fs::write(folder.join(name), bytes).map_err(|error| format!("{name}: {error}"))
    };
    write("a lib.so", &bytes)?;
    write("cut.so", &bytes[..30])?;
    Program::new("tar")
        .args(["-C".as_ref(), folder.as_os_str()])
        .args(["-cf".as_ref(), folder.join("a.tar").as_os_str()])
        .arg("a lib.so")
        .run()?
        .expect(0)?;
    let report = report(&folder)?;
    assert!(results(&report) >= 2, "{report}");
    keeps_to_schema(&report)
}

fn report(folder: &Path) -> Result<Value, String> {
    let finished = Program::new(&artifacts()?.rseqctl)
        .args(["audit", "--format", "sarif", "--fail-on", "never"])
        .arg(folder)
        .run()?;
    serde_json::from_str(&finished.out).map_err(|error| format!("{error}: {finished:?}"))
}

fn results(report: &Value) -> usize {
    report["runs"][0]["results"].as_array().map_or(0, Vec::len)
}

fn keeps_to_schema(report: &Value) -> Outcome {
    let schema = schema()?;
    let errors: Vec<_> = schema
        .iter_errors(report)
        .map(|error| error.to_string())
        .collect();
    assert!(errors.is_empty(), "{errors:?} in {report}");
    let mut other = report.clone();
    other["runs"][0]["results"] = json!([{ "level": "fatal" }]);
    assert!(!schema.is_valid(&other), "the schema lets anything pass");
    Ok(())
}

fn schema() -> Result<Validator, String> {
    let text = fs::read(sarif::schema()?).map_err(|error| error.to_string())?;
    let mut schema: Value = serde_json::from_slice(&text).map_err(|error| error.to_string())?;
    // these two have a bracket too many and are no regular expressions
    for place in ["run", "toolComponent"] {
        schema["definitions"][place]["properties"]["language"]["pattern"] = ".".into();
    }
    jsonschema::validator_for(&schema).map_err(|error| error.to_string())
}
