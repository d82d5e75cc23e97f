//! Signal handlers that need much stack, or the alternate one, while a program
//! loads.

use std::time::Duration;

use rseq_kit::child::Program;
use rseq_lab::{Case, Row, Seen};

use crate::sources::{plugins, program};

const LONG: Duration = Duration::from_secs(60);

pub fn rows() -> Vec<Row> {
    vec![
        Row::new(
            "signal/large-frame-main",
            "a handler with 300 to 400 KiB of frame while the main thread loads",
            |case| loading(case, "frames.c", &["2000", "main"]),
        )
        .times(3),
        Row::new(
            "signal/large-frame-thread",
            "the same while a thread with 1 MiB of stack loads",
            |case| loading(case, "frames.c", &["2000", "thread"]),
        )
        .times(3),
        Row::new(
            "signal/alternate-stack",
            "a handler on the alternate stack loads, and a second one wants that stack",
            |case| loading(case, "onstack.c", &["2000"]),
        )
        .times(3),
        Row::new(
            "signal/depth",
            "bytes of stack that dlopen and dlclose need: no more than glibc's own",
            depth,
        ),
    ]
}

fn loading(case: &Case, source: &str, arguments: &[&str]) -> Result<Seen, String> {
    let program = Program::new(program(source, &["-pthread"])?)
        .arg(plugins()?)
        .args(arguments)
        .limit(LONG);
    case.run(program)
}

fn depth(case: &Case) -> Result<Seen, String> {
    let ended = case.finish(
        Program::new(program("depth.c", &["-pthread"])?)
            .arg(plugins()?)
            .env("LD_BIND_NOW", "1"),
    )?;
    let bytes = match &ended {
        Ok(finished) => finished.out.trim().parse().unwrap_or(0),
        Err(_) => 0,
    };
    let mut seen = Seen::of(ended).with_figure("bytes", bytes, "");
    seen.says.clear();
    Ok(seen)
}
