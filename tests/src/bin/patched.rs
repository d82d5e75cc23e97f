//! Fetches, patches, builds and tests the glibcs of `patches-glibc/`, and prints
//! what came of it.

use std::process::ExitCode;

use rseq_tests::conformance::table::{self, Column};
use rseq_tests::conformance::{Known, Owner, Programs};
use rseq_tests::patched::series::{BASES, Series};
use rseq_tests::patched::{Patched, build, lint};

const USAGE: &str = "usage: patched [--each] [BASE]...

BASE:   2.43, 2.36; default: both
--each: only build after each patch";

fn main() -> ExitCode {
    let (options, mut bases): (Vec<_>, Vec<_>) = std::env::args()
        .skip(1)
        .partition(|word| word.starts_with('-'));
    let each = options.iter().any(|word| word == "--each");
    if options.len() > usize::from(each) {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    }
    if bases.is_empty() {
        bases = BASES.map(str::to_owned).to_vec();
    }
    let mut right = true;
    for base in &bases {
        let done = if each { builds(base) } else { all(base) };
        match done {
            Ok(is_right) => right &= is_right,
            Err(error) => {
                eprintln!("patched: {base}: {error}");
                right = false;
            }
        }
    }
    if right {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn builds(base: &str) -> Result<bool, String> {
    build::each(&Series::read(base)?, |line| println!("{line}"))?;
    Ok(true)
}

/// Prints what came of one base; answers whether nothing is wrong.
fn all(base: &str) -> Result<bool, String> {
    let series = Series::read(base)?;
    let mut wrong = lint::check(base)?;
    eprintln!(
        "glibc {}: fetched, patched and built where it is new",
        series.version
    );
    let patched = Patched::of(base)?;
    println!("## glibc {}\n", patched.series.version);
    println!("{} patches applied:\n", patched.series.patches.len());
    for patch in &patched.series.patches {
        println!("- {}", patch.name());
    }
    let tests = patched.own_tests()?;
    let failed: Vec<_> = tests.iter().filter(|test| !test.is_right()).collect();
    wrong.extend(
        failed
            .iter()
            .map(|test| format!("{}: {}", test.name, test.said)),
    );
    let passed = tests.iter().filter(|test| test.said == "PASS").count();
    println!(
        "\n{passed} of glibc's own tests passed, {} failed, {} not supported here",
        failed.len(),
        tests.len() - passed - failed.len()
    );

    let root = patched.root();
    let programs = Programs::for_root(&root)?;
    let place = programs.place(&root)?;
    let known = Known::read()?;
    let columns: Vec<_> = [Owner::Patched, Owner::PatchedPassive]
        .into_iter()
        .map(|owner| Column::run(programs, "", owner, &root, &place, &known))
        .collect::<Result<_, _>>()?;
    let questions: Vec<_> = programs.questions().cloned().collect();
    println!("{}", table::markdown(&questions, &columns));
    let tally = table::tally(&columns);
    println!(
        "{} right, {} known, {} skipped, {} wrong\n",
        tally.right, tally.known, tally.skipped, tally.wrong
    );
    wrong.extend(columns.iter().flat_map(Column::failures));
    for line in &wrong {
        eprintln!("wrong: {line}");
    }
    Ok(wrong.is_empty())
}
