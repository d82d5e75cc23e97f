//! What a start, and a library that is opened and closed, cost in instructions.

use std::path::Path;
use std::process::{Command, ExitCode, Stdio};

use rseq_kit::artifacts::artifacts;
use rseq_kit::fixture::built;
use rseq_kit::needs::Need;
use rseq_kit::runner::{Outcome, Suite};
use rseq_kit::trace::count::{Stretch, instructions};

const COUNTED: [Need; 4] = [Need::CC, Need::X86_64, Need::RSEQ, Need::PTRACE];

fn main() -> ExitCode {
    Suite::collected().run()
}

fn counted(registers: &str, preload: Option<&Path>, opened: Option<&Path>) -> Result<u64, String> {
    let mut command = Command::new(built("open-close", "default")?);
    command.env_clear();
    if let Some(library) = opened {
        // the dynamic linker compares the name with that of every loaded object: one
        // that begins otherwise costs the same wherever these tests are
        let folder = library.parent().ok_or("no folder")?;
        let name = library.file_name().ok_or("no name")?;
        command.current_dir(folder);
        command.arg(Path::new(".").join(name));
    }
    command.env("GLIBC_TUNABLES", format!("glibc.pthread.rseq={registers}"));
    command.envs(preload.map(|library| ("LD_PRELOAD", library)));
    command.stdin(Stdio::null()).stdout(Stdio::null());
    let stretch = match opened {
        Some(_) => Stretch::BetweenMarks,
        None => Stretch::Whole,
    };
    instructions(command, stretch)
}

/// A program that does nothing, against one that preloads an empty library.
#[rseq_kit::test(COUNTED)]
fn price_of_a_start() -> Outcome {
    /// As shipped; what is built for tests takes more.
    const MORE: u64 = if cfg!(debug_assertions) {
        16_000
    } else {
        15_000
    };

    let empty = counted("1", Some(&built("open-close", "empty")?), None)?;
    let shim = artifacts()?.shim.clone();
    let standing_by = counted("1", Some(&shim), None)?;
    let registering = counted("0", Some(&shim), None)?;
    println!("empty {empty}, standing by {standing_by}, registering {registering}");
    assert!(standing_by <= empty + MORE, "{standing_by} {empty}");
    assert!(registering <= empty + MORE, "{registering} {empty}");
    Ok(())
}

/// A library that has been opened and closed before.
#[rseq_kit::test(COUNTED)]
fn price_of_opening() -> Outcome {
    const MORE: u64 = if cfg!(debug_assertions) { 1_100 } else { 1_000 };

    let library = built("open-close", "library")?;
    let shim = artifacts()?.shim.clone();
    let without = counted("1", None, Some(&library))?;
    let standing_by = counted("1", Some(&shim), Some(&library))?;
    let registering = counted("0", Some(&shim), Some(&library))?;
    println!("without {without}, standing by {standing_by}, registering {registering}");
    assert!(standing_by <= without + MORE, "{standing_by} {without}");
    assert!(registering <= without + MORE, "{registering} {without}");
    Ok(())
}
