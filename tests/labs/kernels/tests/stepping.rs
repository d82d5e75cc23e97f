//! A signal at every instruction boundary of registering and unregistering on AArch64,
//! emulated. `cargo xtask lab stepping --target aarch64-unknown-linux-gnu` goes through
//! the rest as well.

use std::process::ExitCode;

use rseq_kit::needs::Need;
use rseq_kit::runner::{Outcome, Suite};
use rseq_lab_kernels::guest::{self, kernels};
use rseq_lab_kernels::stepper::windows;

/// What takes seconds.
const QUICK: [&str; 4] = [
    "register",
    "register-again",
    "unregister",
    "unregister-last",
];

fn main() -> ExitCode {
    let mut suite = Suite::new();
    let needs = [Need::CC, guest::need(kernels::newest_for_aarch64())];
    suite.add("aarch64-stepping", &needs, quick);
    suite.run()
}

fn quick() -> Outcome {
    let rows = windows(&kernels::newest_for_aarch64(), &QUICK, &["balanced"])?;
    assert_eq!(rows.len(), QUICK.len());
    for row in rows {
        let count = row
            .boundaries
            .map_err(|error| format!("{}: {error}", row.window))?;
        println!("{}: a signal at each of {count} boundaries", row.window);
    }
    Ok(())
}
