//! Debuggers, tracers and auditors.

use std::time::Duration;

use rseq_kit::child::Program;
use rseq_lab::{Case, Need, Row, Seen};

use crate::sources::{library, plugins, program, script};

const LONG: Duration = Duration::from_secs(120);

pub fn rows() -> Vec<Row> {
    vec![
        Row::new(
            "debugger/gdb",
            "gdb: in every hook and at every system call the backtrace reaches main or clone",
            backtraces,
        )
        .needs(&[Need::Program("gdb", "gdb")]),
        Row::new("debugger/strace", "strace -f of a whole program", |case| {
            case.run(threads(Program::new("strace").args([
                "-f",
                "-o",
                "/dev/null",
            ]))?)
        })
        .needs(&[Need::Program("strace", "strace")]),
        Row::new(
            "debugger/ld-audit",
            "an LD_AUDIT module that hears of every binding",
            |case| {
                let audit = library("audit.c", &[])?;
                case.run(threads(Program::new("env"))?.env("LD_AUDIT", audit))
            },
        ),
        Row::new("debugger/ld-debug", "LD_DEBUG=all to a file", |case| {
            let program = threads(Program::new("env"))?.env("LD_DEBUG", "all");
            case.run(program.env("LD_DEBUG_OUTPUT", case.folder.join("debug")))
        }),
    ]
}

/// The threads that load, started by `starter`.
fn threads(starter: Program) -> Result<Program, String> {
    Ok(starter
        .arg(program("threads.c", &["-pthread"])?)
        .arg(plugins()?)
        .args(["20", "3"])
        .limit(LONG))
}

fn backtraces(case: &Case) -> Result<Seen, String> {
    let result = case.folder.join("result");
    let command = Program::new("gdb")
        .args(["-batch", "-nx", "-x"])
        .arg(script("backtraces.py")?)
        .arg("--args")
        .args([program("hooks.c", &["-pthread"])?, plugins()?])
        .env("INFERIOR", case.world.words()?)
        .env("RESULT", &result)
        .directory(&case.folder)
        .limit(LONG)
        .run();
    let finished = match command {
        Ok(finished) => finished,
        Err(error) => return Ok(Seen::faulty(error)),
    };
    let text = std::fs::read_to_string(result)
        .map_err(|_| format!("gdb: {} {}", finished.out, finished.err))?;
    let mut lines = text.lines();
    let mut numbers = lines.next().unwrap_or_default().split(' ');
    let bad = numbers.next().and_then(|word| word.parse().ok());
    let stops: u64 = numbers
        .next()
        .and_then(|word| word.parse().ok())
        .ok_or("no number of stops")?;
    if stops < 100 {
        return Ok(Seen::faulty(format!("gdb stopped only {stops} times")));
    }
    let note = format!("of {stops}: {}", lines.next().unwrap_or_default());
    Ok(Seen::default().with_figure(
        "backtraces cut short",
        bad.ok_or("no number of backtraces")?,
        note,
    ))
}
