//! Adversaries: programs that notice what ordinary ones do not.

#![forbid(unsafe_code)]

mod checkers;
mod collectors;
mod debuggers;
mod hosts;
mod loading;
mod requests;
mod signals;
mod sources;
mod threads;

use std::process::ExitCode;

use rseq_lab::cli;

fn main() -> ExitCode {
    let mut rows = collectors::rows();
    rows.extend(signals::rows());
    rows.extend(checkers::rows());
    rows.extend(debuggers::rows());
    rows.extend(threads::rows());
    rows.extend(loading::rows());
    rows.extend(requests::rows());
    rows.extend(hosts::rows());
    cli::main(rows)
}
