//! Threads that start in ways of their own, and what starting one costs.

use std::process::{Command, ExitCode, Stdio};

use rseq_kit::artifacts::artifacts;
use rseq_kit::fixture::built;
use rseq_kit::needs::Need;
use rseq_kit::runner::{Outcome, Suite};
use rseq_kit::trace::count::{Stretch, instructions};
use rseq_kit::world::GLIBC_OFF;

const COUNTED: [Need; 4] = [Need::CC, Need::X86_64, Need::RSEQ, Need::PTRACE];

fn main() -> ExitCode {
    Suite::collected().run()
}

/// A further pair of function and value for SIGEV_THREAD costs the same however
/// many there have been.
#[rseq_kit::test(COUNTED)]
fn pairs_cost_the_same() -> Outcome {
    let with = |pairs: &str| -> Result<u64, String> {
        let mut command = Command::new(built("pairs", "default")?);
        command.args([pairs, "marks"]).env_clear();
        command.env("GLIBC_TUNABLES", GLIBC_OFF);
        command.env("LD_PRELOAD", &artifacts()?.shim);
        command.stdin(Stdio::null()).stdout(Stdio::null());
        instructions(command, Stretch::BetweenMarks)
    };
    let (few, many) = (with("1000")?, with("500000")?);
    assert!(
        many < few * 2,
        "{few} instructions after 1,000 pairs, {many} after 500,000"
    );
    println!("{few} instructions after 1,000 pairs, {many} after 500,000");
    Ok(())
}
