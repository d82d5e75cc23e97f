//! Who owns the registration, as the kernel tells a tracer: address and length
//! of every thread's area, beside what the program itself knows.

use std::process::{ExitCode, Stdio};

use rseq_kit::child::Program;
use rseq_kit::fixture::built;
use rseq_kit::needs::Need;
use rseq_kit::runner::{Outcome, Suite};
use rseq_kit::trace::registration_of;
use rseq_kit::world::{Witness, World};

/// What must be registered in every thread.
#[derive(Clone, Copy)]
enum Area {
    /// The one that the global scope knows, which is not that of last resort.
    Adopted,
    /// That of last resort.
    LastResort,
    /// Some other: the libc's.
    Foreign,
    /// None.
    None,
}

fn main() -> ExitCode {
    let rows = [
        ("nobody", "plain", Area::Foreign),
        ("nobody", "bare", Area::None),
        ("nobody", "libc", Area::Foreign),
        ("nobody", "shim", Area::LastResort),
        ("nobody", "own", Area::LastResort),
        ("nobody", "takeover", Area::LastResort),
        ("nobody", "defer", Area::None),
        ("nobody", "off", Area::None),
        ("nobody", "shim+enosys", Area::None),
        ("nobody", "shim+eperm", Area::None),
        ("exports", "plain", Area::Foreign),
        ("exports", "libc", Area::Foreign),
        ("exports", "shim", Area::Adopted),
        ("exports", "own", Area::Adopted),
        ("exports", "takeover", Area::Adopted),
    ];
    let mut suite = Suite::collected();
    for (case, world, area) in rows {
        let name = format!("owner::{case}::{world}");
        suite.add(name, &Need::LIVE, move || areas(case, world, area));
    }
    suite.run()
}

fn areas(case: &str, world: &str, expected: Area) -> Outcome {
    let program = Program::new(built("addresses", case)?).input(Stdio::piped());
    let (program, _records) = World::from_name(world)?.prepare(program)?;
    let mut running = program.start()?;
    let text = running.wait_for_output(|text| {
        let lines = text.strip_suffix("ready\n")?;
        Some(lines.to_owned())
    })?;
    assert_eq!(text.lines().count(), 5, "{text}");
    for line in text.lines() {
        check(line, expected).map_err(|error| format!("{line}: {error}"))?;
    }
    drop(running.take_input());
    running.finish()?.expect(0)?;
    Ok(())
}

/// Compares one thread's line with what the kernel holds.
fn check(line: &str, expected: Area) -> Result<(), String> {
    let words: Vec<_> = line.split(' ').collect();
    let [thread, known, last_resort] = words[..] else {
        return Err("not three words".to_owned());
    };
    let thread = thread.parse().map_err(|_| "no thread id")?;
    let (known, last_resort) = (address(known)?, address(last_resort)?);
    let held = registration_of(thread)?;
    let found = held.rseq_abi_pointer;
    let right = match expected {
        Area::Adopted => found == known && found != last_resort,
        Area::LastResort => found == known && found == last_resort,
        Area::Foreign => found != known && found != last_resort,
        Area::None => return none(found),
    };
    if !right || found == 0 {
        return Err(format!("the kernel holds {found:#x}"));
    }
    if !matches!(expected, Area::Foreign) && held.rseq_abi_size != 32 {
        return Err(format!("the kernel holds {} bytes", held.rseq_abi_size));
    }
    Ok(())
}

fn none(found: u64) -> Result<(), String> {
    match found {
        0 => Ok(()),
        _ => Err(format!("the kernel holds {found:#x}")),
    }
}

/// `%p` of glibc.
fn address(text: &str) -> Result<u64, String> {
    if text == "(nil)" {
        return Ok(0);
    }
    let digits = text.strip_prefix("0x").unwrap_or(text);
    u64::from_str_radix(digits, 16).map_err(|error| error.to_string())
}

/// The witness is not blind: where nobody registers, it says so.
#[rseq_kit::test(Need::LIVE)]
fn witness_sees_what_is_missing() -> Outcome {
    let census = Program::new(built("census", "default")?);
    let (finished, records) = World::from_name("bare+witness")?.run(census)?;
    finished.expect(0)?;
    let expected = Witness {
        created: 8,
        missing: 8,
        ..Witness::default()
    };
    assert_eq!(records.witness()?, expected);
    Ok(())
}

/// An unknown value is said once, and the default holds.
#[rseq_kit::test(Need::LIVE)]
fn shim_one_warning() -> Outcome {
    for (name, value) in [
        ("RSEQ_SHIM_MODE", "sometimes"),
        ("RSEQ_SHIM_MODE", ""),
        ("RSEQ_SHIM_LOADING", "maybe"),
        ("RSEQ_SHIM_LOG", "loud"),
        ("RSEQ_SHIM_COLOUR", "red"),
    ] {
        let census = Program::new(built("census", "default")?).env(name, value);
        let (finished, records) = World::from_name("shim")?.run(census)?;
        let finished = finished.expect(0)?;
        let warnings: Vec<_> = finished.err.lines().collect();
        assert_eq!(warnings.len(), 1, "{name}={value}: {warnings:?}");
        assert!(warnings[0].contains(name), "{name}={value}: {warnings:?}");
        assert_eq!(records.report()?.owner()?, "shim", "{name}={value}");
    }
    Ok(())
}
