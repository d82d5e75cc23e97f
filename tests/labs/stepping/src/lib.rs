//! A signal at every instruction boundary of registering, unregistering, of the
//! start of a thread and of stepping back, with a handler that registers on top
//! of it. None is skipped: each boundary stands where the instruction before it
//! leads.

#![forbid(unsafe_code)]

use std::path::Path;

use rseq_kit::child::Program;
use rseq_kit::trace::step::{Window, every_boundary};

/// What `fixtures/stepped.c` does between its marks, in which world, and the
/// fewest boundaries that it must have: with fewer the tracer has missed the code.
pub const WINDOWS: [(&str, &str, usize); 14] = [
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

/// What the handler does with its own registration.
pub const HANDLERS: [&str; 2] = ["balanced", "keeps"];

/// Steps through a window of the program, with the shim at `shim`; returns how many boundaries had their signal.
///
/// # Errors
///
/// The program cannot be traced, or has found something wrong.
pub fn boundaries(window: &str, shim: &Path, program: Program) -> Result<usize, String> {
    let place = match window {
        "birth" | "notification" => Window::InNewThread(shim.to_owned()),
        _ => Window::AtMark,
    };
    let stepped = every_boundary(program, place)?;
    let finished = stepped.finished.expect(0)?;
    let count = stepped.boundaries.len();
    if finished.out != format!("{count} windows\n") {
        return Err(format!("{count} windows expected: {}", finished.out));
    }
    Ok(count)
}
