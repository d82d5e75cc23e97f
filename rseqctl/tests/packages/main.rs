//! Packages, archives, images and intermediate code as a user audits them.

mod containers;
mod images;
mod intermediate;
mod packed;

use std::process::ExitCode;

use rseq_kit::runner::Suite;

fn main() -> ExitCode {
    let mut suite = Suite::collected();
    containers::add_kinds(&mut suite);
    suite.run()
}
