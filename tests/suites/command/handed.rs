//! The plan is made once: the shim obeys it in the program that it was made for,
//! and nowhere else. What is ours is nobody's own definition.

use std::fs;
use std::path::Path;

use rseq_kit::artifacts::artifacts;
use rseq_kit::child::Program;
use rseq_kit::fixture::built;
use rseq_kit::needs::program;
use rseq_kit::runner::Outcome;
use rseq_kit::scratch;
use rseq_kit::world::GLIBC_OFF;
use serde_json::Value;

use super::{BUILDS, holds, run};

/// What `run` would do, under these variables.
fn plan(variables: &[(&str, &str)], command: &[&str]) -> Result<Value, String> {
    let mut dry = run(&["--dry-run", "--format", "json"], command)?;
    for (name, value) in variables {
        dry = dry.env(name, value);
    }
    let told = dry.run()?.expect(0)?.out;
    serde_json::from_str(&told).map_err(|error| format!("{error}: {told}"))
}

/// The shim cannot see that the program will register, and `run` can.
#[rseq_kit::test(BUILDS)]
fn obeyed() -> Outcome {
    let client = built("hidden-by-instruction", "default")?;
    let client = client.to_str().ok_or("a path that is no text")?;
    let set = &plan(&[], &[client])?["set"];
    let handed = &set["RSEQ_SHIM_PLAN"];
    assert!(handed.is_string(), "it is shown: {handed}");
    for command in [
        &[client][..],
        &["nice", client],
        &["timeout", "60", client],
        &["sh", "-c", &format!("exec {client}")],
    ] {
        let finished = run(&["--verify"], command)?
            .env("RSEQ_SHIM_LOG", "stderr")
            .run()?
            .expect(0)?;
        assert_eq!(finished.out, "granted\n", "{command:?}");
        holds(&finished.err, &["owner client: the program defines"])?;
    }
    // a plan for other settings is none: the shim decides by what it sees
    let handed = handed.as_str().unwrap_or_default();
    let shim = set["LD_PRELOAD"].as_str().unwrap_or_default();
    let with = |plan: &str| {
        Program::new(client)
            .env("GLIBC_TUNABLES", GLIBC_OFF)
            .env("LD_PRELOAD", shim)
            .env("RSEQ_SHIM_PLAN", plan)
            .run()
    };
    with(handed)?.expect(0)?;
    for other in [
        "",
        "1",
        &handed.replacen("3:", "2:", 1),
        &format!("{handed}0"),
        &handed.replacen("auto", "own", 1),
    ] {
        let finished = with(other)?.expect(libc::EINVAL)?;
        assert_eq!(
            (finished.out.as_str(), finished.err.as_str()),
            ("refused\n", "")
        );
    }
    // the libc has registered after all: nothing is taken from it
    let finished = Program::new(client)
        .env("LD_PRELOAD", shim)
        .env("RSEQ_SHIM_PLAN", handed)
        .run()?;
    assert_eq!(finished.out, "refused\n");
    Ok(())
}

/// What a program starts inherits the variable, and is decided anew.
#[rseq_kit::test(BUILDS)]
fn not_for_children() -> Outcome {
    let client = built("hidden-by-instruction", "default")?;
    let census = built("census", "default")?;
    let finished = run(&[], &[&client, &census])?
        .env("RSEQ_SHIM_LOG", "stderr")
        .run()?
        .expect(0)?;
    // the libc was told for the first alone
    holds(&finished.out, &["granted\n", "threads foreign 8\n"])?;
    holds(&finished.err, &["owner client: ", "owner libc: "])?;
    Ok(())
}

/// A command that is started by a command that is started so.
#[rseq_kit::test(BUILDS)]
fn nested() -> Outcome {
    let rseqctl = artifacts()?.rseqctl.display().to_string();
    for (source, case, owner) in [
        ("nothing", "default", "libc"),
        ("adopter", "exports", "adopter"),
        ("adopter", "hides", "client"),
        ("hidden-by-instruction", "default", "client"),
    ] {
        let path = built(source, case)?.display().to_string();
        let finished = run(&["--verify"], &[&rseqctl, "run", "--verify", "--", &path])?
            .env("RSEQ_SHIM_LOG", "stderr")
            .run()?
            .expect(0)?;
        let last = finished.err.lines().rfind(|line| line.contains(": owner "));
        let last = last.unwrap_or_default();
        assert!(
            last.contains(&format!(": owner {owner}: ")),
            "{}",
            finished.err
        );
        // nobody counts what the instruction itself registers
        let unseen = source == "hidden-by-instruction";
        let holds = |line: &str| {
            line.contains("it is so") || unseen && line.contains("nothing was registered yet")
        };
        let mut verified = finished.err.lines().filter(|it| it.contains("was to be"));
        assert!(verified.all(holds), "{}", finished.err);
    }
    Ok(())
}

/// The definition of last resort, preloaded or linked, is nobody's own.
#[rseq_kit::test(BUILDS)]
fn ours() -> Outcome {
    let artifacts = artifacts()?;
    let shim = artifacts.shim.display().to_string();
    let off = ("GLIBC_TUNABLES", GLIBC_OFF);
    let nothing = built("nothing", "default")?.display().to_string();
    let told = plan(&[off, ("LD_PRELOAD", &shim)], &[&nothing])?;
    assert_eq!(told["owner"], "shim", "{told}");
    let linked = linked_with(&artifacts.abi)?;
    let linked = linked.to_str().ok_or("a path that is no text")?;
    let told = plan(&[off], &[linked])?;
    assert_eq!(told["owner"], "shim", "{told}");
    let told = plan(&[], &[linked])?;
    assert_eq!(told["owner"], "libc", "{told}");
    // it brings nothing that could be refused
    let means = told["means"].as_str().unwrap_or_default();
    holds(means, &["nobody the shared one that the program uses"])?;
    let finished = run(&["--report", "-"], &[linked])?
        .env(off.0, off.1)
        .run()?
        .expect(0)?;
    holds(
        &finished.out,
        &["\"owner\": \"shim\"", "\"planned\": \"shim\""],
    )?;
    assert_eq!(finished.err, "");
    Ok(())
}

/// A program that is linked with the library of last resort.
fn linked_with(abi: &Path) -> Result<std::path::PathBuf, String> {
    let folder = scratch::directory("linked")?;
    let (source, out) = (folder.join("linked.c"), folder.join("linked"));
    let text = "extern __thread struct { unsigned words[8]; } __rseq_abi;\n\
                int main(void) { return ((volatile unsigned *)&__rseq_abi)[1] == -1U; }\n";
    fs::write(&source, text).map_err(|error| error.to_string())?;
    let library = abi.parent().unwrap_or(Path::new(".")).display().to_string();
    Program::with_callers_environment(program("cc")?)
        .arg("-o")
        .args([&out, &source, &abi.to_path_buf()])
        .arg(format!("-Wl,-rpath,{library}"))
        .run()?
        .expect(0)?;
    Ok(out)
}
