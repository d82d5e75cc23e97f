//! Other kernels: each boots in an emulator and is asked everything, with one C
//! library.
//!
//! `RSEQ_KERNELS=all` (or names, separated by commas) asks others than the usual
//! three.

use std::process::ExitCode;

use rseq_kit::needs::Need;
use rseq_kit::runner::{Outcome, none_of};
use rseq_lab_conformance as conformance;
use rseq_lab_conformance::Owner;
use rseq_lab_conformance::table::tally;
use rseq_lab_kernels::guest;
use rseq_lab_kernels::guest::{Kernel, kernels};
use rseq_lab_kernels::matrix::World;
use rseq_lab_kernels::matrix::machine::{self, Answers};
use rseq_lab_kernels::question::run_suite;

/// The C library of the guests: that of Debian 12, which registers an area of 32
/// bytes by itself.
const LIBC: &str = "bookworm";

fn main() -> ExitCode {
    run_suite(|suite| {
        for kernel in kernels::chosen()? {
            let needs = [
                Need::X86_64,
                Need::CC,
                conformance::need(LIBC),
                guest::need(kernel),
            ];
            let name = format!("kernel::{}::{LIBC}", kernel.name);
            suite.add(name, &needs, move || ask(kernel));
        }
        Ok(())
    })
}

fn ask(kernel: Kernel) -> Outcome {
    let worlds = machine::ask(&kernel, LIBC, &Owner::ALL, Answers::Together)?.worlds;
    let tally = tally(worlds.iter().flat_map(|world| &world.judged));
    println!("{}: {tally:?}", kernel.name);
    none_of(worlds.iter().flat_map(World::failures))
}
