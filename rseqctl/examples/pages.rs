//! Writes the manual pages and the completions of shells, from the one parser.
//!
//!     cargo run -p rseqctl --example pages -- FOLDER
//!
//! puts `man1/rseqctl.1`, `man1/rseqctl-run.1` and so on there, and one file for each
//! shell below `bash`, `zsh` and `fish`.

#![forbid(unsafe_code)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap_complete::Shell;

fn main() -> ExitCode {
    let Some(folder) = std::env::args_os().nth(1).map(PathBuf::from) else {
        eprintln!("pages: name the folder to write to");
        return ExitCode::from(2);
    };
    match write(&folder) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("pages: {}: {error}", folder.display());
            ExitCode::FAILURE
        }
    }
}

fn write(folder: &Path) -> std::io::Result<()> {
    let pages = folder.join("man1");
    fs::create_dir_all(&pages)?;
    // a manual is for every build of a version
    let command = rseqctl::cli::command().long_version(None::<&str>);
    clap_mangen::generate_to(command, pages)?;
    let mut command = rseqctl::cli::command();
    for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
        let below = folder.join(shell.to_string());
        fs::create_dir_all(&below)?;
        clap_complete::generate_to(shell, &mut command, "rseqctl", below)?;
    }
    Ok(())
}
