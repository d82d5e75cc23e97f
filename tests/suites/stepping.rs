//! A signal at every instruction boundary of registering, unregistering and of
//! the start of a thread, with a handler that registers on top of it.

use std::process::ExitCode;
use std::time::Duration;

use rseq_tests::artifacts::artifacts;
use rseq_tests::child::Program;
use rseq_tests::fixture::built;
use rseq_tests::needs::Need;
use rseq_tests::runner::{Outcome, Suite};
use rseq_tests::trace::step::{Window, every_boundary};
use rseq_tests::world::World;

/// What `fixtures/stepped.c` does between its marks, in which world, and the
/// fewest boundaries that it must have: with fewer the tracer has missed the code.
const WINDOWS: [(&str, &str, usize); 9] = [
    ("register", "shim", 10),
    ("register-again", "shim", 5),
    ("unregister", "shim", 5),
    ("unregister-last", "shim", 10),
    ("born-register", "shim", 5),
    ("born-unregister", "shim", 5),
    ("first-call", "shim", 20),
    ("birth", "shim", 30),
    ("birth", "takeover", 30),
];

fn main() -> ExitCode {
    let needs = [Need::Cc, Need::X86_64, Need::Rseq, Need::Ptrace];
    let mut suite = Suite::new();
    for (window, world, fewest) in WINDOWS {
        for handler in ["balanced", "keeps"] {
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
    let place = match window {
        "birth" => Window::InNewThread(artifacts()?.shim.clone()),
        _ => Window::AtMark,
    };
    let stepped = every_boundary(program, place)?;
    let finished = stepped.finished.expect(0)?;
    let count = stepped.boundaries.len();
    assert!(count >= fewest, "{count} boundaries are too few");
    assert_eq!(finished.out, format!("{count} windows\n"));
    println!("{window}, {world}, {handler}: a signal at each of {count} boundaries");
    Ok(())
}
