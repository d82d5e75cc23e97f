//! A Rust server that counts with the crate `rseq-abi`: no request is lost and none is
//! counted twice, whoever registers its threads, and where nobody can.

use std::process::ExitCode;

use rseq_kit::artifacts::artifacts;
use rseq_kit::child::Program;
use rseq_kit::needs::Need;
use rseq_kit::runner::{Outcome, Suite};
use rseq_kit::world::World;
use rseq_lab_clients::hyper::{self, Linked, binary, load};

const WAYS: [(&str, Linked); 3] = [
    ("dynamic", Linked::Dynamic),
    ("static_pie", Linked::StaticPie),
    ("static", Linked::Static),
];

/// Whether its threads are registered, by world.
const WORLDS: [(&str, bool); 4] = [
    ("plain", true),
    ("bare", true),
    ("bare+eperm", false),
    ("shim", true),
];

fn main() -> ExitCode {
    let needs = [
        Need::CC,
        Need::X86_64,
        Need::GLIBC_2_35,
        Need::RSEQ,
        hyper::NEED,
    ];
    let mut suite = Suite::new();
    for (name, linked) in WAYS {
        let mut needs = needs.to_vec();
        if linked != Linked::Dynamic {
            needs.push(Need::STATIC_LIBC);
        }
        for (world, registers) in WORLDS {
            // nothing is preloaded into a static program
            if world == "shim" && linked != Linked::Dynamic {
                continue;
            }
            let title = format!("hyper::{name}::{world}");
            suite.add(title, &needs, move || {
                let world = World::from_name(world)?;
                let (program, _records) = world.prepare(Program::new(binary(linked)?))?;
                check(program, registers)
            });
        }
        let title = format!("hyper::{name}::run");
        suite.add(title, &needs, move || {
            let run = Program::new(&artifacts()?.rseqctl).args(["run", "--"]);
            check(run.arg(binary(linked)?), true)
        });
    }
    suite.run()
}

fn check(server: Program, registers: bool) -> Outcome {
    let (expected, counted) = load(server)?;
    assert_eq!(counted, expected);
    assert_eq!(counted.is_registered, registers);
    Ok(())
}
