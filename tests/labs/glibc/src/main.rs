//! Fetches, patches, builds and tests the glibcs of `patches-glibc/`, and prints
//! what came of it.

#![forbid(unsafe_code)]

use std::process::ExitCode;

use rseq_kit::machine::Machine;
use rseq_lab_conformance::table::{self, Column, Tally};
use rseq_lab_conformance::{Known, Owner, Programs};
use rseq_lab_glibc::cross::Outcome;
use rseq_lab_glibc::guest::Ran;
use rseq_lab_glibc::own_tests::{self, OwnTest};
use rseq_lab_glibc::series::{BASES, Series};
use rseq_lab_glibc::{Patched, build, cross, lint};
use rseq_lab_kernels::guest::kernels;
use rseq_lab_kernels::matrix::{World, page};

const USAGE: &str = "usage: patched [--each | --cross | --target aarch64] [BASE]...

BASE:     2.43, 2.36; default: both
--each:   only build after each patch
--cross:  only build for other architectures and compare the symbol lists
--target: build for that architecture, and test in machines of it that are emulated";

/// What is done with one base.
type Job = fn(&str) -> Result<Told, String>;

/// What came of one base, for the summary.
struct Told {
    line: String,
    is_right: bool,
}

fn main() -> ExitCode {
    let mut words: Vec<_> = std::env::args().skip(1).collect();
    let target = words.iter().position(|word| word == "--target");
    let target = target.map(|place| words.drain(place..words.len().min(place + 2)).nth(1));
    let (options, mut bases): (Vec<_>, Vec<_>) =
        words.into_iter().partition(|word| word.starts_with('-'));
    let (job, head): (Job, _) = match (&*options, target) {
        ([], None) => (all, SUMMARY),
        ([], Some(Some(name))) if is_aarch64(&name) => (in_guests, GUESTS),
        ([each], None) if each == "--each" => (builds, EACH),
        ([other], None) if other == "--cross" => (others, CROSS),
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    if bases.iter().any(|base| !BASES.contains(&&**base)) {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    }
    if bases.is_empty() {
        bases = BASES.map(str::to_owned).to_vec();
    }
    let mut right = true;
    let mut summary = vec![head.to_owned()];
    for base in &bases {
        match job(base) {
            Ok(Told { line, is_right }) => {
                summary.push(line);
                right &= is_right;
            }
            Err(error) => {
                eprintln!("patched: {base}: {error}");
                summary.push(format!("| {base} | not built: see above |"));
                right = false;
            }
        }
    }
    println!("{}", summary.join("\n"));
    if right {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Heads of the summary.
const SUMMARY: &str = "## Summary\n\n\
    | glibc | patches applied | its own tests | conformance suite |\n|---|---|---|---|";
const EACH: &str = "## Summary\n\n| glibc | each patch |\n|---|---|";
const CROSS: &str = "## Summary\n\n| glibc | symbol lists |\n|---|---|";
const GUESTS: &str = "## Summary\n\n\
    | glibc | kernel | its own tests | asked everything |\n|---|---|---|---|";

/// Whether this names 64-bit Arm, as Linux does or as rustc does.
fn is_aarch64(name: &str) -> bool {
    name.split('-').next() == Some(Machine::Aarch64.name())
}

/// Builds after each patch.
fn builds(base: &str) -> Result<Told, String> {
    let series = Series::read(base)?;
    build::each(&series, |line| println!("{line}"))?;
    Ok(Told {
        line: format!(
            "| {} | all {} build |",
            series.version,
            series.patches.len()
        ),
        is_right: true,
    })
}

/// Builds for other architectures. Where no compiler is there, nothing is shown.
fn others(base: &str) -> Result<Told, String> {
    let series = Series::read(base)?;
    let mut lines = Vec::new();
    let mut wrong = Vec::new();
    let mut built = 0;
    cross::all(&series, |target, outcome| {
        let said = match outcome {
            Outcome::Built(lists) => {
                built += 1;
                wrong.extend(own_tests::failures(&lists));
                counts(&lists)
            }
            Outcome::Failed(why) => {
                wrong.push(format!("{target}: {why}"));
                "not built".to_owned()
            }
            Outcome::Skipped(why) => format!("skipped: {why}"),
        };
        println!("{base}: {target}: {said}");
        lines.push(format!("{target}: {said}"));
    });
    for line in &wrong {
        eprintln!("wrong: {line}");
    }
    Ok(Told {
        line: format!("| {} | {} |", series.version, lines.join("; ")),
        is_right: wrong.is_empty() && built > 0,
    })
}

/// Builds for AArch64, and asks in machines of it.
fn in_guests(base: &str) -> Result<Told, String> {
    let patched = Patched::of_machine(base, Machine::Aarch64)?;
    let title = format!("{} for {}", patched.series.version, Machine::Aarch64.name());
    let mut lines = Vec::new();
    let mut wrong = Vec::new();
    for kernel in kernels::chosen_for_aarch64()? {
        println!("## glibc {title}, Linux {}\n", kernel.name);
        let ran = patched.own_tests_in(&kernel)?;
        for Ran { test, why } in &ran {
            println!("- {} {}", test.said, test.name);
            if !why.is_empty() {
                eprintln!("{}: {why}", test.name);
            }
        }
        let tests: Vec<_> = ran.into_iter().map(|ran| ran.test).collect();
        wrong.extend(own_tests::complaints(&tests));
        let worlds = patched.ask_in(&kernel)?;
        println!("\n{}", page::tables(&worlds));
        wrong.extend(worlds.iter().flat_map(World::failures));
        let tally = table::tally(worlds.iter().flat_map(|world| &world.judged));
        lines.push(format!(
            "| {title} | {} | {} | {} |",
            kernel.name,
            counts(&tests),
            sentence(tally)
        ));
    }
    for line in &wrong {
        eprintln!("wrong: {line}");
    }
    Ok(Told {
        line: lines.join("\n"),
        is_right: wrong.is_empty(),
    })
}

fn sentence(tally: Tally) -> String {
    let Tally {
        right,
        known,
        skipped,
        wrong,
    } = tally;
    format!("{right} right, {known} known, {skipped} skipped, {wrong} wrong")
}

/// How many of them passed, and how many did not.
fn counts(tests: &[OwnTest]) -> String {
    let failed = own_tests::failures(tests).len();
    let passed = own_tests::passed(tests);
    format!(
        "{passed} passed, {failed} failed, {} not supported here",
        tests.len() - passed - failed
    )
}

/// Prints what came of one base.
fn all(base: &str) -> Result<Told, String> {
    let mut wrong = lint::check(base)?;
    eprintln!("glibc {base}: built where it is new, else as kept");
    let patched = Patched::of(base)?;
    println!("## glibc {}\n", patched.series.version);
    println!("{} patches applied:\n", patched.series.patches.len());
    for patch in &patched.series.patches {
        println!("- {}", patch.name());
    }
    let tests = patched.own_tests()?;
    wrong.extend(own_tests::complaints(&tests));
    let own = counts(&tests);
    println!("\nglibc's own tests of what the series touches: {own}");

    let root = patched.root();
    let programs = Programs::for_root(&root)?;
    let place = programs.place(&root)?;
    let known = Known::read()?;
    let columns: Vec<_> = [Owner::Patched, Owner::PatchedPassive]
        .into_iter()
        .map(|owner| Column::run(programs, "", owner, &root, &place, &known))
        .collect::<Result<_, _>>()?;
    let questions: Vec<_> = programs.questions().cloned().collect();
    println!(
        "\nThe conformance suite on it: `patched` is the glibc alone, `patched-passive` has the \
         shim preloaded."
    );
    println!("{}", table::markdown(&questions, &columns));
    let suite = sentence(table::tally(
        columns.iter().flat_map(|column| &column.judged),
    ));
    println!("{suite}\n");
    wrong.extend(columns.iter().flat_map(Column::failures));
    for line in &wrong {
        eprintln!("wrong: {line}");
    }
    Ok(Told {
        line: format!(
            "| {} | {} | {own} | {suite} |",
            patched.series.version,
            patched.series.patches.len()
        ),
        is_right: wrong.is_empty(),
    })
}
