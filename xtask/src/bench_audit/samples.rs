//! Small objects whose truth is known: what do the tools make of them?

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::step::Steps;

use super::cost;

/// An object, and what it does with `__rseq_abi`.
pub struct Sample {
    pub truth: &'static str,
    pub file: PathBuf,
}

const AREA: &str = "__attribute__((tls_model(\"initial-exec\"), aligned(32)))";

/// (truth, file, code with `AREA` for attributes, options)
type Row = (
    &'static str,
    &'static str,
    &'static str,
    &'static [&'static str],
);

const SAMPLES: [Row; 6] = [
    (
        "exports it",
        "exports.so",
        "AREA __thread int __rseq_abi[8];",
        &["-shared", "-fPIC"],
    ),
    (
        "hides it",
        "hides",
        "AREA __thread volatile int __rseq_abi[8]; int main(void) { return __rseq_abi[1]; }",
        &[],
    ),
    (
        "refers to it",
        "refers.so",
        "extern AREA __thread int __rseq_abi[8]; int get(void) { return __rseq_abi[1]; }",
        &["-shared", "-fPIC"],
    ),
    (
        "object file that defines it",
        "defines.o",
        "AREA __thread int __rseq_abi[8];",
        &["-c"],
    ),
    (
        "asks dlsym for it",
        "asks",
        "#include <dlfcn.h>\nint main(void) { return !dlsym(0, \"__rseq_abi\"); }",
        &[],
    ),
    (
        "has another name that starts so",
        "other",
        "__thread volatile int __rseq_abi_v2[8]; int main(void) { return __rseq_abi_v2[1]; }",
        &[],
    ),
];

/// Builds the samples.
pub fn built(steps: &mut Steps) -> Result<Vec<Sample>, String> {
    let folder = steps.target().join("audit-samples");
    fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut samples = Vec::new();
    for (truth, name, code, options) in SAMPLES {
        let file = folder.join(name);
        let source = folder.join(format!("{name}.c"));
        fs::write(&source, code.replace("AREA", AREA))
            .map_err(|error| format!("{}: {error}", source.display()))?;
        steps.run(
            &format!("build the sample {name}"),
            Command::new("cc")
                .args(options)
                .args(["-O2", "-o"])
                .args([&file, &source]),
        )?;
        samples.push(Sample { truth, file });
    }
    Ok(samples)
}

/// What the audit says.
pub fn by_audit(rseqctl: &Path, sample: &Sample) -> Result<String, String> {
    let command = [
        rseqctl.into(),
        "audit".into(),
        "--fail-on=never".into(),
        "--format=ndjson".into(),
        sample.file.clone().into(),
    ];
    let row = cost::output(&command)?;
    let role = ["defines", "references", "copies"]
        .into_iter()
        .find(|role| row.contains(&format!("\"name\":\"__rseq_abi\",\"role\":\"{role}\"")));
    Ok(match role {
        Some(role) => role.to_owned(),
        None if row.contains("\"rule\":\"asked-by-name\"") => "by string".to_owned(),
        None if row.is_empty() => "-".to_owned(),
        None => "other".to_owned(),
    })
}

/// Whether the name stands in what a tool says, and no longer name; of a tool
/// that lists files whether it lists one.
pub fn is_found(said: &str, lists_files: bool) -> bool {
    lists_files && !said.is_empty()
        || said
            .split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
            .any(|word| word == "__rseq_abi")
}
