//! Threads that start in ways of their own, and what starting one costs.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

use rseq_kit::artifacts::artifacts;
use rseq_kit::child::Program;
use rseq_kit::fixture::built;
use rseq_kit::needs::{Need, Tool};
use rseq_kit::races;
use rseq_kit::runner::{Outcome, Suite};
use rseq_kit::scratch;
use rseq_kit::trace::count::{Stretch, instructions};
use rseq_kit::world::GLIBC_OFF;

const COUNTED: [Need; 4] = [Need::CC, Need::X86_64, Need::RSEQ, Need::PTRACE];

fn main() -> ExitCode {
    Suite::collected().run()
}

/// Neither helgrind nor DRD reports anything that the shim does.
#[rseq_kit::test(COUNTED, Need::new(&Tool("valgrind")))]
fn checkers_of_races_see_none() -> Outcome {
    for tool in races::CHECKERS {
        let checked = Program::new("valgrind")
            .args([&format!("--tool={tool}"), races::FRESH_STACKS])
            .arg(built("creators", "default")?)
            .env("GLIBC_TUNABLES", races::tunables())
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

/// A shim without thread-local storage would cost next to nothing where the libc
/// registers: what `docs/cost.md` says of it.
#[rseq_kit::test(COUNTED)]
fn price_without_storage() -> Outcome {
    const MORE: u64 = 20;

    let program = built("one-thread", "default")?;
    let copy = without_storage(&artifacts()?.shim)?;
    let with = |preload: Option<&Path>| -> Result<u64, String> {
        let mut command = Command::new(&program);
        command.arg("marks").env_clear();
        command.envs(preload.map(|library| ("LD_PRELOAD", library)));
        command.stdin(Stdio::null()).stdout(Stdio::null());
        instructions(command, Stretch::BetweenMarks)
    };
    let (glibc, standing_by) = (with(None)?, with(Some(&copy))?);
    println!("glibc {glibc}, standing by without storage {standing_by}");
    assert!(standing_by <= glibc + MORE, "{standing_by} {glibc}");
    Ok(())
}

/// A copy of the shim that refers to `__rseq_abi` weakly and needs no library that
/// defines it.
fn without_storage(shim: &Path) -> Result<PathBuf, String> {
    const NEEDED: u64 = 1;
    const STRINGS: u64 = 5;
    const SYMBOLS: u64 = 6;
    /// A tag that the dynamic linker passes over.
    const NOTHING: u64 = 0x6fff_fef0;
    const WEAK: u8 = 2;

    let mut bytes = fs::read(shim).map_err(|error| format!("{}: {error}", shim.display()))?;
    let word = |bytes: &[u8], place: usize| {
        let word = bytes.get(place..place + 8)?;
        Some(u64::from_le_bytes(word.try_into().ok()?))
    };
    let mut edit = || {
        let headers = word(&bytes, 32)? as usize;
        let count = usize::from(*bytes.get(56)?);
        let kind = |bytes: &[u8], header: usize| bytes.get(header).copied();
        let all: Vec<_> = (0..count).map(|index| headers + 56 * index).collect();
        // PT_LOAD is 1, PT_DYNAMIC 2: place in the file, address, length there
        let place_of = |bytes: &[u8], address: u64| {
            all.iter().find_map(|&header| {
                let into = address.checked_sub(word(bytes, header + 16)?)?;
                let is_in = kind(bytes, header)? == 1 && into < word(bytes, header + 32)?;
                is_in.then(|| Some((word(bytes, header + 8)? + into) as usize))?
            })
        };
        let dynamic = all
            .iter()
            .find(|&&header| kind(&bytes, header) == Some(2))?;
        let mut entry = word(&bytes, dynamic + 8)? as usize;
        let (mut strings, mut symbols) = (None, None);
        while let tag @ 1.. = word(&bytes, entry)? {
            let value = word(&bytes, entry + 8)?;
            match tag {
                NEEDED => bytes[entry..entry + 8].copy_from_slice(&NOTHING.to_le_bytes()),
                STRINGS => strings = place_of(&bytes, value),
                SYMBOLS => symbols = place_of(&bytes, value),
                _ => {}
            }
            entry += 16;
        }
        let (strings, mut symbol) = (strings?, symbols?);
        loop {
            let name = strings + (word(&bytes, symbol)? as u32) as usize;
            if bytes.get(name..)?.starts_with(b"__rseq_abi\0") {
                let info = bytes.get_mut(symbol + 4)?;
                *info = WEAK << 4 | *info & 0xf;
                return Some(());
            }
            symbol += 24;
        }
    };
    edit().ok_or("the shim's tables are not as expected")?;
    let copy = scratch::directory("copy")?.join("librseq_shim.so");
    fs::write(&copy, bytes).map_err(|error| format!("{}: {error}", copy.display()))?;
    Ok(copy)
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
