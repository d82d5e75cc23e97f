//! A signal at every instruction boundary of registering, unregistering, of the
//! start of a thread and of stepping back, with a handler that registers on top
//! of it. None is skipped: each boundary stands where the instruction before it
//! leads.

use std::process::ExitCode;
use std::time::Duration;

use rseq_kit::artifacts::artifacts;
use rseq_kit::child::Program;
use rseq_kit::fixture::built;
use rseq_kit::needs::Need;
use rseq_kit::runner::{Outcome, Suite};
use rseq_kit::trace::step::{Window, every_boundary, every_boundary_anew};
use rseq_kit::world::World;

/// What `fixtures/stepped.c` does between its marks, in which world, and the
/// fewest boundaries that it must have: with fewer the tracer has missed the code.
const WINDOWS: [(&str, &str, usize); 14] = [
    ("register", "shim", 10),
    ("register-again", "shim", 5),
    ("unregister", "shim", 5),
    ("unregister-last", "shim", 10),
    ("born-register", "shim", 5),
    ("born-unregister", "shim", 5),
    ("first-call", "shim", 20),
    ("birth", "shim", 30),
    ("birth", "takeover", 30),
    ("client-register", "shim", 20),
    ("client-unregister", "shim", 10),
    ("born-client-register", "shim", 10),
    ("notification", "shim", 30),
    ("step-back", "shim", 40),
];

fn main() -> ExitCode {
    let needs = [Need::CC, Need::X86_64, Need::RSEQ, Need::PTRACE];
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
    let prepare = || {
        let program = Program::new(built("stepped", "default")?)
            .args([window, handler])
            .limit(Duration::from_secs(60));
        let (program, _records) = World::from_name(world)?.prepare(program)?;
        Ok(program)
    };
    let anew = window == "step-back";
    let stepped = match window {
        "step-back" => every_boundary_anew(prepare)?,
        "birth" | "notification" => {
            let place = Window::InNewThread(artifacts()?.shim.clone());
            every_boundary(prepare()?, place)?
        }
        _ => every_boundary(prepare()?, Window::AtMark)?,
    };
    let finished = stepped.finished.expect(0)?;
    let count = stepped.boundaries.len();
    assert!(count >= fewest, "{count} boundaries are too few");
    let windows = if anew { 1 } else { count };
    assert_eq!(finished.out, format!("{windows} windows\n"));
    println!("{window}, {world}, {handler}: a signal at each of {count} boundaries");
    Ok(())
}
