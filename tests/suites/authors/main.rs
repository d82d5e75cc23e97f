//! What authors of programs and libraries are given: headers, archives, crates and
//! the pages that show how to use them, tried as a user would.

mod bare;
mod crates;
mod emulated;
mod header;
mod installed;
mod interface;
mod library;
mod linkers;
mod owner;
mod pages;
mod raw;

use std::process::ExitCode;

use rseq_kit::runner::Suite;

fn main() -> ExitCode {
    let mut suite = Suite::collected();
    header::add(&mut suite);
    library::add(&mut suite);
    linkers::add(&mut suite);
    owner::add(&mut suite);
    pages::add(&mut suite);
    raw::add(&mut suite);
    suite.run()
}
