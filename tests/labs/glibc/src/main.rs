//! Fetches, patches, builds and tests the glibcs of `patches-glibc/`, and prints
//! what came of it.

#![forbid(unsafe_code)]

use std::process::ExitCode;

use rseq_lab_conformance::table::{self, Column};
use rseq_lab_conformance::{Known, Owner, Programs};
use rseq_lab_glibc::cross::Outcome;
use rseq_lab_glibc::own_tests::{self, OwnTest};
use rseq_lab_glibc::series::{BASES, Series};
use rseq_lab_glibc::{Patched, build, cross, lint};

const USAGE: &str = "usage: patched [--each | --cross] [BASE]...

BASE:    2.43, 2.36; default: both
--each:  only build after each patch
--cross: only build for other architectures and compare the symbol lists";

/// What is done with one base.
type Job = fn(&str) -> Result<Told, String>;

/// What came of one base, for the summary.
struct Told {
    line: String,
    is_right: bool,
}

fn main() -> ExitCode {
    let (options, mut bases): (Vec<_>, Vec<_>) = std::env::args()
        .skip(1)
        .partition(|word| word.starts_with('-'));
    let (job, head): (Job, _) = match &*options {
        [] => (all, SUMMARY),
        [each] if each == "--each" => (builds, EACH),
        [other] if other == "--cross" => (others, CROSS),
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
    let tally = table::tally(columns.iter().flat_map(|column| &column.judged));
    let suite = format!(
        "{} right, {} known, {} skipped, {} wrong",
        tally.right, tally.known, tally.skipped, tally.wrong
    );
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
