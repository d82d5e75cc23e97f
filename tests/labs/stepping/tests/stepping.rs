//! A signal at every instruction boundary of what the shim does, on this machine.

use std::process::ExitCode;
use std::time::Duration;

use rseq_kit::artifacts::artifacts;
use rseq_kit::child::Program;
use rseq_kit::fixture::built;
use rseq_kit::needs::Need;
use rseq_kit::runner::{Outcome, Suite};
use rseq_kit::world::World;
use rseq_lab_stepping::{HANDLERS, WINDOWS, boundaries};

fn main() -> ExitCode {
    let needs = [Need::CC, Need::X86_64, Need::RSEQ, Need::PTRACE];
    let mut suite = Suite::new();
    for (window, world, fewest) in WINDOWS {
        for handler in HANDLERS {
            let name = format!("stepping::{window}::{world}::{handler}");
            suite.add(name, &needs, move || step(window, world, handler, fewest));
        }
    }
    suite.run()
}

fn step(window: &str, world: &str, handler: &str, fewest: usize) -> Outcome {
    let program = Program::new(built("stepped", "default")?)
        .args([window, handler])
        .limit(Duration::from_secs(60));
    let (program, _records) = World::from_name(world)?.prepare(program)?;
    let count = boundaries(window, &artifacts()?.shim, program)?;
    assert!(count >= fewest, "{count} boundaries are too few");
    println!("{window}, {world}, {handler}: a signal at each of {count} boundaries");
    Ok(())
}
