//! Threads that start in ways of their own, and what starting one costs.

use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

use rseq_kit::artifacts::artifacts;
use rseq_kit::child::Program;
use rseq_kit::fixture::built;
use rseq_kit::needs::{Need, Tool};
use rseq_kit::runner::{Outcome, Suite};
use rseq_kit::trace::count::{Stretch, instructions};
use rseq_kit::world::GLIBC_OFF;

const COUNTED: [Need; 4] = [Need::CC, Need::X86_64, Need::RSEQ, Need::PTRACE];

fn main() -> ExitCode {
    Suite::collected().run()
}

/// Neither helgrind nor DRD reports anything that the shim does.
#[rseq_kit::test(COUNTED, Need::new(&Tool("valgrind")))]
fn checkers_of_races_see_none() -> Outcome {
    for tool in ["helgrind", "drd"] {
        let checked = Program::new("valgrind")
            .arg(format!("--tool={tool}"))
            .arg(built("creators", "default")?)
            .env("GLIBC_TUNABLES", GLIBC_OFF)
            .env("LD_PRELOAD", &artifacts()?.shim)
            .limit(Duration::from_secs(120))
            .run()?
            .expect(0)?;
        assert!(checked.err.contains("ERROR SUMMARY"), "{}", checked.err);
        // valgrind misses some of the dynamic linker's order; what the shim accesses
        // itself stands in a report's first frame
        let is_ours = |line: &&str| {
            line.contains("at 0x") && (line.contains("librseq_") || line.contains(".rs:"))
        };
        let ours: Vec<_> = checked.err.lines().filter(is_ours).take(5).collect();
        assert!(ours.is_empty(), "{tool}: {ours:#?}");
    }
    Ok(())
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

/// What `pthread_create` and join cost, in instructions: little more than where glibc
/// registers and, where the shim only stands by, no more than with any library that
/// is preloaded and has thread-local storage.
#[rseq_kit::test(COUNTED)]
fn price_of_a_thread() -> Outcome {
    /// As shipped; what is built for tests takes a few more.
    const REGISTERING: u64 = if cfg!(debug_assertions) { 250 } else { 200 };
    const STANDING_BY: u64 = 10;

    let program = built("one-thread", "default")?;
    let shim = artifacts()?.shim.clone();
    let library = built("one-thread", "library")?;
    let with = |registers: &str, preload: Option<&Path>| -> Result<u64, String> {
        let mut command = Command::new(&program);
        command.arg("marks").env_clear();
        command.env("GLIBC_TUNABLES", format!("glibc.pthread.rseq={registers}"));
        command.envs(preload.map(|library| ("LD_PRELOAD", library)));
        command.stdin(Stdio::null()).stdout(Stdio::null());
        instructions(command, Stretch::BetweenMarks)
    };
    let glibc = with("1", None)?;
    let floor = with("1", Some(&library))?;
    let standing_by = with("1", Some(&shim))?;
    let registering = with("0", Some(&shim))?;
    println!("glibc {glibc}, floor {floor}, standing by {standing_by}, registering {registering}");
    assert!(registering <= glibc + REGISTERING, "{registering} {glibc}");
    assert!(standing_by <= floor + STANDING_BY, "{standing_by} {floor}");
    Ok(())
}
