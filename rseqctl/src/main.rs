//! The command: a thin binary over the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    rseqctl::cli::main()
}
