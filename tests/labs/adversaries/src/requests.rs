//! Requests and names of the program's own: what it wrote is what it reads.

use rseq_kit::child::Program;
use rseq_lab::Row;

use crate::sources::program;

pub fn rows() -> Vec<Row> {
    let run = |name, asks, source: &'static str| {
        Row::new(name, asks, move |case| {
            case.run(Program::new(program(source, &["-pthread"])?))
        })
    };
    vec![
        run(
            "request/aio",
            "a program reads its own pointers in its aiocb after the call",
            "requests.c",
        ),
        run(
            "request/old-timer",
            "timer_create@GLIBC_2.2.5 writes four bytes",
            "oldtimer.c",
        ),
        Row::new(
            "request/own-getcpu",
            "a program's own function that is called getcpu is called",
            |case| {
                case.run(Program::new(program(
                    "own-getcpu.c",
                    &["-rdynamic", "-fPIC", "-fsemantic-interposition"],
                )?))
            },
        ),
    ]
}
