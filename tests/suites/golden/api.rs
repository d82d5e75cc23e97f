//! What the crates that can be published offer, line by line, from rustdoc's own answer
//! (its JSON, which it gives where unstable options are allowed).

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use public_api::PublicApi;
use rseq_kit::artifacts::{kept_target, room, workspace};
use rseq_kit::child::Program;
use rseq_kit::needs::{Asked, Need, Tool, program};
use rseq_kit::runner::{Outcome, Suite};
use rseq_kit::scratch;

/// The crates, and what rustdoc calls them.
const CRATES: [(&str, &str); 3] = [
    ("tls-model", "tls_model"),
    ("rseq-code", "rseq_code"),
    ("rseq-abi", "rseq_abi"),
];

/// What a compiler finds out by itself and nobody relies on, in lines about
/// implementations.
const LEFT_OUT: [&str; 5] = [
    "core::marker::Freeze for ",
    "core::marker::StructuralPartialEq for ",
    "core::marker::Unpin for ",
    "core::marker::UnsafeUnpin for ",
    "core::panic::unwind_safe::",
];

const JSON: [&str; 3] = ["-Zunstable-options", "--output-format", "json"];

/// Adds one test per crate.
pub fn add(suite: &mut Suite) {
    let needs = [
        // what is public depends on the architecture
        Need::X86_64,
        Need::new(&Tool("cargo")),
        Need::new(&Asked("a rustdoc whose JSON is read", can_read)),
    ];
    for (package, name) in CRATES {
        suite.add(format!("golden::api::{package}"), &needs, move || {
            compare(package, name)
        });
    }
}

/// Whether the JSON of this toolchain's rustdoc has the version that is read here.
fn can_read() -> Result<(), String> {
    let folder = scratch::directory("rustdoc")?;
    let source = folder.join("probe.rs");
    fs::write(&source, "").map_err(|error| format!("{}: {error}", source.display()))?;
    Program::with_callers_environment(program("rustdoc")?)
        .args(JSON)
        .args(["--crate-name", "probe", "probe.rs", "-o", "."])
        .env("RUSTC_BOOTSTRAP", "1")
        .directory(&folder)
        .run()?
        .expect(0)?;
    read(&folder.join("probe.json")).map(drop)
}

fn read(json: &Path) -> Result<PublicApi, String> {
    public_api::Builder::from_rustdoc_json(json)
        .omit_blanket_impls(true)
        .build()
        .map_err(|error| format!("public-api cannot read rustdoc's answer: {error}"))
}

/// The lines of a crate, whatever is switched on.
fn lines(package: &str, name: &str) -> Result<String, String> {
    let target = kept_target("api")?;
    Program::with_callers_environment(program("cargo")?)
        .args(["rustdoc", "--quiet", "--offline", "--lib", "--all-features"])
        .args(["-p", package, "--target-dir"])
        .arg(&target)
        .arg("--")
        .args(JSON)
        .env("RUSTC_BOOTSTRAP", "1")
        .directory(&workspace())
        .limit(Duration::from_secs(300))
        .run()?
        .expect(0)?;
    let api = read(&target.join("doc").join(format!("{name}.json")))?;
    let all = api.items().map(|item| format!("{item}\n"));
    let is_left_out =
        |line: &str| line.starts_with("impl") && LEFT_OUT.iter().any(|words| line.contains(words));
    let mut lines: Vec<_> = all.filter(|line| !is_left_out(line)).collect();
    lines.sort();
    Ok(lines.concat())
}

fn dump(package: &str) -> PathBuf {
    room().join("authors/api").join(format!("{package}.txt"))
}

fn compare(package: &str, name: &str) -> Outcome {
    let (found, dump) = (lines(package, name)?, dump(package));
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::create_dir_all(dump.with_file_name(""))?;
        return Ok(fs::write(dump, found)?);
    }
    let before = fs::read_to_string(&dump)
        .map_err(|error| format!("{}: {error}; UPDATE_GOLDEN=1 makes it", dump.display()))?;
    let missing = |here: &str, there: &str| -> Vec<String> {
        let known: Vec<_> = there.lines().collect();
        let new = here.lines().filter(|line| !known.contains(line));
        new.map(|line| format!("  {line}")).collect()
    };
    let (gone, new) = (missing(&before, &found), missing(&found, &before));
    if gone.is_empty() && new.is_empty() {
        return Ok(());
    }
    Err(format!(
        "{package} offers something else than {}:\ngone or changed, which breaks programs:\n{}\n\
         new:\n{}\nif that is meant: cargo xtask golden",
        dump.display(),
        gone.join("\n"),
        new.join("\n")
    )
    .into())
}
