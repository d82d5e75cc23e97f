//! The patch series for glibc: their form, that they apply, and what the patched
//! libcs do.

mod clients;
mod owned;
mod refused;
mod unusable;

use std::process::ExitCode;

use rseq_kit::needs::Need;
use rseq_kit::runner::{Outcome, Suite, none_of};
use rseq_kit::scratch;
use rseq_lab_conformance::known::Verdict;
use rseq_lab_conformance::{Cell, Conditions, Known, Owner, Programs, source, table};
use rseq_lab_glibc as patched;
use rseq_lab_glibc::series::{BASES, Series};
use rseq_lab_glibc::{Patched, lint, own_tests, three_owners};

fn main() -> ExitCode {
    let mut suite = Suite::new();
    suite.add("three_owners::table", &[], || {
        let questions: Vec<_> = source::programs()?
            .into_iter()
            .flat_map(|program| program.questions)
            .collect();
        let (_, table) = three_owners::read()?;
        let foretold = three_owners::table(&questions, &three_owners::foretold()?);
        assert_eq!(
            table, foretold,
            "cargo xtask owners --write asks and writes it"
        );
        Ok(())
    });
    suite.add("three_owners::witnesses", &[], || {
        none_of(three_owners::missing_witnesses()?)
    });
    for base in BASES {
        suite.add(format!("{base}::form"), &[], move || form(base));
        let needs = [patched::source(base)];
        suite.add(format!("{base}::applies"), &needs, move || applies(base));
        let needs = [Need::CC, Need::X86_64, Need::RSEQ, patched::need(base)];
        suite.add(format!("{base}::own-tests"), &needs, move || {
            own_tests(base)
        });
        for owner in [Owner::Patched, Owner::PatchedPassive] {
            for program in source::programs().unwrap_or_default() {
                let name = format!("{base}::{}::{}", owner.name(), program.name);
                suite.add(name, &needs, move || cell(base, owner, &program.name));
            }
        }
        owned::add(&mut suite, base, &needs);
        unusable::add(&mut suite, base, &needs);
        refused::add(&mut suite, base, &needs);
        clients::add(&mut suite, base, &needs);
    }
    suite.run()
}

fn form(base: &str) -> Outcome {
    none_of(lint::check(base)?)
}

fn applies(base: &str) -> Outcome {
    let series = Series::read(base)?;
    let source = scratch::directory(&format!("glibc-{base}"))?.join("source");
    let version = series.found_version()?;
    assert!(version.starts_with(&format!("{base}-")), "{version}");
    series.unpack(&source)?;
    series.apply(&source)?;
    std::fs::remove_dir_all(&source).map_err(|error| error.to_string().into())
}

fn own_tests(base: &str) -> Outcome {
    none_of(own_tests::complaints(&Patched::of(base)?.own_tests()?))
}

fn cell(base: &str, owner: Owner, program: &str) -> Outcome {
    let root = Patched::of(base)?.root();
    let programs = Programs::for_root(&root)?;
    let program = programs.get(program)?;
    let mut cell = Cell::new(program, owner, &programs.place(&root)?);
    // the command runs them in full
    let rounds = ("CONFORMANCE_ROUNDS".to_owned(), "10".to_owned());
    cell.environment.push(rounds);
    let conditions = Conditions::here(owner, root.glibc)?;
    let judged = table::judge(program, &cell, &conditions, &Known::read()?)?;
    none_of(judged.iter().filter_map(|judged| match &judged.verdict {
        Verdict::Wrong(why) => Some(format!("{}: {why}", judged.question)),
        _ => None,
    }))
}
