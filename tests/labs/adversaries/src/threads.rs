//! Threads: every one is registered before its own code runs, however it is
//! started.

use rseq_kit::child::Program;
use rseq_kit::needs;
use rseq_lab::{Case, Need, Row, Seen};

use crate::sources::{library, program};

pub fn rows() -> Vec<Row> {
    let rows = vec![
        Row::new(
            "threads/deepbind",
            "threads of a plug-in that is opened with RTLD_DEEPBIND run (docs/owners.md: registered late)",
            |case| {
                let plugin = library("starter.c", &["-pthread"])?;
                let mut seen = case.run(starters()?.arg("deepbind").arg(plugin))?;
                let registered = std::mem::take(&mut seen.says);
                Ok(seen.with_remark(registered.trim().to_owned()))
            },
        ),
        Row::new(
            "threads/dlsym",
            "threads by the pthread_create that dlsym finds in the libc",
            |case| case.run(starters()?.arg("dlsym")),
        ),
        Row::new(
            "threads/next",
            "threads by the RTLD_NEXT of a library that stands behind the shim",
            |case| behind(case, &["-pthread"]),
        ),
        Row::new(
            "threads/initfirst",
            "threads from the constructor of another library with DF_1_INITFIRST",
            |case| behind(case, &["-pthread", "-DFIRST", "-Wl,-z,initfirst"]),
        ),
        Row::new(
            "threads/smallest-stack",
            "threads on PTHREAD_STACK_MIN",
            |case| case.run(Program::new(program("smallest.c", &["-pthread"])?)),
        ),
    ];
    let rseq = [
        Need::Host(needs::Need::X86_64),
        Need::Host(needs::Need::GLIBC_2_35),
        Need::Host(needs::Need::RSEQ),
    ];
    rows.into_iter().map(|row| row.needs(&rseq)).collect()
}

fn starters() -> Result<Program, String> {
    Ok(Program::new(program("starters.c", &["-pthread"])?))
}

/// The program with the library that starts threads preloaded behind the shim.
fn behind(case: &Case, options: &[&str]) -> Result<Seen, String> {
    let script = case.script("exec env $WORLD LD_PRELOAD=\"$PRELOAD $1\" \"$2\" behind")?;
    let program = script
        .arg(library("behind.c", options)?)
        .arg(program("starters.c", &["-pthread"])?);
    Ok(Seen::of(program.run()))
}
