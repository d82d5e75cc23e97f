//! Counts instructions in an emulated machine, for `cargo xtask bench`:
//!
//!     counted FOLDER
//!
//! The files of the folder are in the machine's `/b`, beside the shim in `/lib`. Each line
//! of the input is what `instructions` is given, with tabs between the words; each line of
//! the output is one number.

#![forbid(unsafe_code)]

use std::fs;
use std::io::stdin;
use std::path::Path;
use std::process::ExitCode;

use rseq_lab_kernels::guest::{Guest, kernels};
use rseq_lab_kernels::stepper::{guest, tool};

/// Commands of one machine, which has half an hour for all of them.
const AT_A_TIME: usize = 6;

fn main() -> ExitCode {
    let counted = counted();
    rseq_kit::scratch::remove();
    match counted {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("counted: {error}");
            ExitCode::FAILURE
        }
    }
}

fn counted() -> Result<(), String> {
    let folder = std::env::args().nth(1).ok_or("which folder?")?;
    let say = |error: std::io::Error| format!("{folder}: {error}");
    let mut guest = guest()?;
    for entry in fs::read_dir(Path::new(&folder)).map_err(say)? {
        let path = entry.map_err(say)?.path();
        let name = path.file_name().unwrap_or_default().display();
        guest = guest.file(&format!("/b/{name}"), &path);
    }
    let lines: Vec<String> = stdin().lines().collect::<Result<_, _>>().map_err(say)?;
    for lines in lines.chunks(AT_A_TIME) {
        let tools = lines.iter();
        let tools = tools.map(|line| tool("instructions").args(line.split('\t')));
        let guest = tools.fold(guest.clone(), Guest::run);
        for answer in guest.boot(&kernels::newest_for_aarch64())? {
            print!("{}", answer?.expect(0)?.out);
        }
    }
    Ok(())
}
