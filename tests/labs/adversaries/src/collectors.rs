//! Garbage collectors that stop threads by signals and scan their stacks.

use std::path::PathBuf;
use std::sync::LazyLock;
use std::time::Duration;

use rseq_kit::child::Program;
use rseq_lab::files::folder;
use rseq_lab::{Case, Need, Row, Seen};

use crate::sources::{plugin, plugins, program, script};

const LONG: Duration = Duration::from_secs(60);

pub fn rows() -> Vec<Row> {
    let gc = [Need::File("/usr/include/gc.h", "libgc-dev")];
    vec![
        Row::new(
            "collector/gc-threads",
            "Boehm GC: live objects of threads that load survive",
            |case| boehm(case, "threads"),
        )
        .needs(&gc)
        .times(3),
        Row::new(
            "collector/gc-main",
            "the same where the main thread loads",
            |case| boehm(case, "main"),
        )
        .needs(&gc)
        .times(3),
        Row::new(
            "collector/mono",
            "Mono: threads load through P/Invoke while the collector runs",
            |case| {
                static BUILT: LazyLock<Result<PathBuf, String>> = LazyLock::new(mono);
                let program = BUILT.clone()?;
                case.run(work(Program::new("mono").arg(program), "300")?)
            },
        )
        .needs(&[
            Need::Program("mono", "mono-runtime"),
            Need::Program("mcs", "mono-mcs"),
        ])
        .times(2),
        Row::new(
            "collector/guile",
            "Guile: the same through its foreign functions",
            |case| {
                let guile = Program::new("guile")
                    .args(["--no-auto-compile", "-s"])
                    .arg(script("collect.scm")?);
                case.run(work(guile, "200")?)
            },
        )
        .needs(&[Need::Program("guile", "guile-3.0")])
        .times(2),
        Row::new(
            "collector/go",
            "Go with cgo: goroutines load and start threads",
            |case| {
                static BUILT: LazyLock<Result<PathBuf, String>> = LazyLock::new(go);
                case.run(work(Program::new(BUILT.clone()?), "200")?)
            },
        )
        .needs(&[Need::Program("go", "golang-go")])
        .times(2),
    ]
}

fn boehm(case: &Case, who: &str) -> Result<Seen, String> {
    let program = Program::new(program("gc.c", &["-pthread", "-lgc"])?);
    let program = program.arg(plugins()?).args(["60", who]);
    case.run(program.limit(LONG))
}

/// With the plug-in and the number of rounds as arguments.
fn work(program: Program, rounds: &str) -> Result<Program, String> {
    Ok(program.arg(plugin()?).arg(rounds).limit(LONG))
}

fn mono() -> Result<PathBuf, String> {
    let result = folder("mono")?.join("collect.exe");
    Program::with_callers_environment("mcs")
        .arg(format!("-out:{}", result.display()))
        .arg(script("collect.cs")?)
        .limit(LONG)
        .run()?
        .expect(0)?;
    Ok(result)
}

fn go() -> Result<PathBuf, String> {
    let result = folder("go")?.join("collect");
    Program::with_callers_environment("go")
        .args(["build", "-o"])
        .args([&*result, &*script("collect.go")?])
        .env("GO111MODULE", "off")
        .limit(Duration::from_secs(600))
        .run()?
        .expect(0)?;
    Ok(result)
}
