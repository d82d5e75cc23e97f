//! The command: reads the command line, does what it asks for, and is the only
//! place that says what went wrong and how the process ends.

#![forbid(unsafe_code)]

use std::process::ExitCode;

use rseqctl::report::Output;
use rseqctl::{Error, cli, commands};

fn main() -> ExitCode {
    commands::prepare_process();
    let mut out = Output::standard();
    let done = cli::parse(std::env::args_os())
        .and_then(|invocation| {
            invocation.color.choose();
            invocation.request.run(&mut out)
        })
        .and_then(|status| out.finish().map(|()| status).map_err(Error::Output));
    match done {
        Ok(status) => status.exit_code(),
        Err(error) => {
            error.report();
            error.status().exit_code()
        }
    }
}
