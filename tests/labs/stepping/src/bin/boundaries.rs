//! Steps through a window of a program, for a machine that has nothing but this, and
//! prints how many boundaries had their signal:
//!
//!     boundaries WINDOW SHIM SECONDS [NAME=VALUE...] PROGRAM [ARGUMENT...]

#![forbid(unsafe_code)]

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use rseq_kit::child::Program;

fn main() -> ExitCode {
    match stepped() {
        Ok(count) => {
            println!("{count}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("boundaries: {error}");
            ExitCode::FAILURE
        }
    }
}

fn stepped() -> Result<usize, String> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [window, shim, seconds, rest @ ..] = &words[..] else {
        return Err("which window, which shim, how long?".to_owned());
    };
    let seconds = seconds
        .parse()
        .map_err(|_| format!("{seconds:?} seconds?"))?;
    let count = rest.iter().take_while(|word| word.contains('=')).count();
    let (variables, command) = rest.split_at(count);
    let (program, arguments) = command.split_first().ok_or("which program?")?;
    let program = Program::new(program)
        .args(arguments)
        .limit(Duration::from_secs(seconds));
    let variables = variables.iter().filter_map(|word| word.split_once('='));
    let program = variables.fold(program, |program, (name, value)| program.env(name, value));
    rseq_lab_stepping::boundaries(window, Path::new(shim), program)
}
