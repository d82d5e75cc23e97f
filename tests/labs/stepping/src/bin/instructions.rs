//! Counts the instructions of a program in user space, all threads together, for
//! `cargo xtask bench`:
//!
//!     instructions whole|marks [NAME=VALUE...] PROGRAM [ARGUMENT...]

#![forbid(unsafe_code)]

use std::process::{Command, ExitCode, Stdio};

use rseq_kit::trace::count::{Stretch, instructions};

fn main() -> ExitCode {
    match counted() {
        Ok(count) => {
            println!("{count}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("instructions: {error}");
            ExitCode::FAILURE
        }
    }
}

fn counted() -> Result<u64, String> {
    let mut words = std::env::args().skip(1);
    let stretch = match words.next().as_deref() {
        Some("whole") => Stretch::Whole,
        Some("marks") => Stretch::BetweenMarks,
        _ => return Err("whole or marks?".to_owned()),
    };
    let mut variables = Vec::new();
    let program = loop {
        let word = words.next().ok_or("which program?")?;
        match word.split_once('=') {
            Some((name, value)) => variables.push((name.to_owned(), value.to_owned())),
            None => break word,
        }
    };
    let mut command = Command::new(program);
    command.args(words).env_clear().envs(variables);
    command.stdin(Stdio::null()).stdout(Stdio::null());
    instructions(command, stretch)
}
