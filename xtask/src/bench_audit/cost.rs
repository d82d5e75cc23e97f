//! What a command costs, with all its children.

use std::ffi::OsString;
use std::process::{Command, Stdio};

/// How often the quick commands are gone through, those that take longer, and
/// those that take minutes.
pub const TURNS: [usize; 3] = [9, 3, 1];

/// One measurement: seconds, and MiB at most in one process.
#[derive(Clone, Copy)]
pub struct Cost {
    pub wall: f64,
    pub cpu: f64,
    pub memory: f64,
}

/// Runs a command under GNU time.
pub fn cost(command: &[OsString]) -> Result<Cost, String> {
    let output = Command::new("/usr/bin/time")
        .args(["-f", "%e %U %S %M"])
        .args(command)
        .stdout(Stdio::null())
        .output()
        .map_err(|error| format!("GNU time: {error}; install the package time"))?;
    let text = String::from_utf8_lossy(&output.stderr);
    let last = text.lines().last().unwrap_or_default();
    let numbers: Vec<f64> = last
        .split(' ')
        .filter_map(|word| word.parse().ok())
        .collect();
    match numbers[..] {
        [wall, user, system, memory] => Ok(Cost {
            wall,
            cpu: user + system,
            memory: memory / 1024.0,
        }),
        _ => Err(format!("{command:?}: {last}")),
    }
}

/// What a command prints.
pub fn output(command: &[OsString]) -> Result<String, String> {
    let (program, arguments) = command.split_first().ok_or("no command")?;
    let output = Command::new(program)
        .args(arguments)
        .stderr(Stdio::null())
        .output()
        .map_err(|error| format!("{}: {error}", program.display()))?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
