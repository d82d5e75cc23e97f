//! Threads that start in ways of their own, and what starting one costs.

use std::process::{Command, ExitCode, Stdio};

use rseq_tests::artifacts::artifacts;
use rseq_tests::fixture::built;
use rseq_tests::needs::Need;
use rseq_tests::runner::{Outcome, Suite};
use rseq_tests::trace::count::{Stretch, instructions};
use rseq_tests::world::GLIBC_OFF;

fn main() -> ExitCode {
    let counted = [Need::Cc, Need::X86_64, Need::Rseq, Need::Ptrace];
    let mut suite = Suite::new();
    suite.add("pairs::cost_the_same", &counted, pairs_cost_the_same);
    suite.run()
}

/// A further pair of function and value for SIGEV_THREAD costs the same however
/// many there have been.
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
