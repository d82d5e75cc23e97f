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

/// What came of one base, for the summary.
struct Told {
    line: String,
    is_right: bool,
}

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
    let mut summary = vec![SUMMARY.to_owned()];
    for base in &bases {
        let done = if each { builds(base) } else { all(base) };
        match done {
            Ok(Told { line, is_right }) => {
                summary.push(line);
                right &= is_right;
            }
            Err(error) => {
                eprintln!("patched: {base}: {error}");
                summary.push(format!("| {base} | not built: see above | | |"));
                right = false;
            }
        }
    }
    if !each {
        println!("{}", summary.join("\n"));
    }
    if right {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Head of the summary.
const SUMMARY: &str = "## Summary\n\n\
    | glibc | patches applied | its own tests | conformance suite |\n|---|---|---|---|";

fn builds(base: &str) -> Result<Told, String> {
    build::each(&Series::read(base)?, |line| println!("{line}"))?;
    Ok(Told {
        line: String::new(),
        is_right: true,
    })
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
    let failed: Vec<_> = tests.iter().filter(|test| !test.is_right()).collect();
    wrong.extend(
        failed
            .iter()
            .map(|test| format!("{}: {}", test.name, test.said)),
    );
    let passed = tests.iter().filter(|test| test.said == "PASS").count();
    let own = format!(
        "{passed} passed, {} failed, {} not supported here",
        failed.len(),
        tests.len() - passed - failed.len()
    );
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
    let tally = table::tally(&columns);
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
