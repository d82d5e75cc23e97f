//! A task of clone(2) that has thread-local storage, but that the libc has not started: its
//! area of the libc is zero, which reads like CPU 0. Who registers it is told the truth, and
//! all that share the area are right from then on.
//!
//! Everything runs on CPU 0, where a registered area may be zero, too.

use std::path::{Path, PathBuf};

use rseq_kit::child::Program;
use rseq_kit::needs::{Need, Tool, program};
use rseq_kit::runner::{Outcome, Suite};
use rseq_kit::scratch;

use crate::installed::{archive, include, source};
use crate::library::{Definer, library};

const OFF: &str = "glibc.pthread.rseq=0";
const ON: &str = "glibc.pthread.rseq=1";

/// How the program is built, and what it says where the libc registers threads, where
/// nobody does, and where nobody can.
const WAYS: [(&str, &[&str], [&str; 3]); 4] = [
    (
        "refers",
        &[],
        [
            "main register -2, the kernel 1; \
             task 1, register 0, after 1, the kernel 1, again -2",
            "main register -2, the kernel 0; \
             task 0, register -2, after 0, the kernel 0, again -2",
            "main register -2, the kernel 0; \
             task 0, register -2, after 0, the kernel 0, again -2",
        ],
    ),
    (
        "defines",
        &["-DDEFINE"],
        [
            "main register -22, the kernel 1; \
             task 1, register 0, after 1, the kernel 1, again -22",
            "main register 0, the kernel 1; \
             task 0, register 0, after 1, the kernel 1, again 0",
            "main register -38, the kernel 0; \
             task 0, register -38, after 0, the kernel 0, again -38",
        ],
    ),
    (
        "owns",
        &["-DOWNED"],
        [
            "main register 0, the kernel 1; \
             task 1, register 0, after 1, the kernel 1, again 0",
            "main register 0, the kernel 1; \
             task 0, register 0, after 1, the kernel 1, again 0",
            "main register -38, the kernel 0; \
             task 0, register -38, after 0, the kernel 0, again -38",
        ],
    ),
    // the crate's registration ends with its guard; the libc's area stays
    (
        "crate",
        &["-DLIBRARY"],
        [
            "main register 1, the kernel 1; \
             task 1, register 1, after 1, the kernel 1, again 1",
            "main register 1, the kernel 0; \
             task 0, register 1, after 0, the kernel 0, again 1",
            "main register -38, the kernel 0; \
             task 0, register -38, after 0, the kernel 0, again -38",
        ],
    ),
];

/// Adds one test per way.
pub fn add(suite: &mut Suite) {
    for (name, options, expected) in WAYS {
        let mut needs = vec![
            Need::CC,
            Need::X86_64,
            Need::RSEQ,
            Need::GLIBC_2_35,
            Need::of(Tool("taskset")),
        ];
        if options.contains(&"-DLIBRARY") {
            needs.push(Need::of(Tool("cargo")));
        }
        suite.add(format!("raw::{name}"), &needs, move || {
            is_told(options, expected)
        });
    }
}

fn build(options: &[&str]) -> Result<PathBuf, String> {
    let binary = scratch::directory("raw")?.join("raw");
    let mut cc = Program::with_callers_environment(program("cc")?)
        .args(["-O2", "-Wall", "-Wextra", "-Werror", "-Wl,--no-as-needed"])
        .args(options)
        .arg("-I")
        .arg(include()?)
        .arg(source("raw.c"));
    if options.contains(&"-DLIBRARY") {
        let library = library(Definer::Abi)?;
        let folder = library.parent().unwrap_or(&library).display().to_string();
        cc = cc.arg(&library).arg(format!("-Wl,-rpath,{folder}"));
    }
    if options.contains(&"-DOWNED") {
        cc = cc.arg(archive()?);
    }
    cc.args(["-ldl", "-o"]).arg(&binary).run()?.expect(0)?;
    Ok(binary)
}

fn is_told(options: &[&str], expected: [&str; 3]) -> Outcome {
    let binary = build(options)?;
    let run = |tunables: &str, program: fn(Program) -> Program| -> Result<String, String> {
        let done = program(on_first_cpu(&binary)?.env("GLIBC_TUNABLES", tunables));
        Ok(done.run()?.expect(0)?.out.trim_end().replace('\n', "; "))
    };
    let found = [
        run(ON, |program| program)?,
        run(OFF, |program| program)?,
        run(OFF, |program| program.deny(libc::ENOSYS))?,
    ];
    assert_eq!(found, expected);
    Ok(())
}

fn on_first_cpu(binary: &Path) -> Result<Program, String> {
    Ok(Program::new(program("taskset")?)
        .args(["--cpu-list", "0"])
        .arg(binary))
}
