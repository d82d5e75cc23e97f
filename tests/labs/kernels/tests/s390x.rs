//! s390x: the shim on one of its kernels, emulated, and the suite of conformance with
//! some owners. It is the one architecture here whose bytes are the other way round.

use std::process::ExitCode;

use rseq_kit::needs::Need;
use rseq_kit::runner::{Outcome, Suite, none_of};
use rseq_lab_conformance::Owner;
use rseq_lab_conformance::build::oldest;
use rseq_lab_conformance::table::tally;
use rseq_lab_kernels::asked::ask;
use rseq_lab_kernels::guest::{self, Kernel, Machine, kernels};
use rseq_lab_kernels::matrix::World;
use rseq_lab_kernels::matrix::machine::{self, Answers};
use rseq_lab_kernels::shim::Code;

/// Who is asked by the suite: nobody, the libc, and the shim beside it and in its place. The
/// lab asks all.
const OWNERS: [Owner; 4] = [Owner::Nobody, Owner::Libc, Owner::Passive, Owner::Shim];

fn main() -> ExitCode {
    let mut suite = Suite::new();
    for kernel in kernels::S390X {
        let needs = [Need::CC, guest::need(kernel)];
        suite.add(format!("s390x::{}", kernel.name), &needs, move || {
            ask(kernel, None, 4, Code::Plain)
        });
        let name = format!("s390x::{}::conformance", kernel.name);
        suite.add(name, &needs, move || conformance(kernel));
    }
    suite.run()
}

fn conformance(kernel: Kernel) -> Outcome {
    let libc = oldest(Machine::S390x);
    let worlds = machine::ask(&kernel, libc, &OWNERS, Answers::Together)?.worlds;
    let tally = tally(worlds.iter().flat_map(|world| &world.judged));
    println!("{}: {tally:?}", kernel.name);
    none_of(worlds.iter().flat_map(World::failures))
}
