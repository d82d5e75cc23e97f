//! A soak of real programs: each does some seconds of real work without the shim
//! and with it. What they print must be the same, no more of their lines may speak
//! of errors, and every thread that is seen from outside must be registered.

#![forbid(unsafe_code)]

mod errors;
mod family;
mod threads;
mod watch;
mod workload;

use std::process::ExitCode;

use rseq_lab::cli;

fn main() -> ExitCode {
    cli::main(workload::rows())
}
