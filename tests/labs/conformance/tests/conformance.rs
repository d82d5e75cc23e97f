//! The conformance suite on this machine: every program in the world of every
//! owner, with this machine's C library and with those of the glibc matrix.

use std::process::ExitCode;

use rseq_kit::artifacts::room;
use rseq_kit::needs::Need;
use rseq_kit::runner::{Outcome, Suite, none_of};
use rseq_kit::sys;
use rseq_lab_conformance as conformance;
use rseq_lab_conformance::known::Verdict;
use rseq_lab_conformance::root::RELEASES;
use rseq_lab_conformance::{Cell, Conditions, Known, Owner, Programs, Root, Source, source, table};

fn main() -> ExitCode {
    let mut suite = Suite::new();
    let programs = source::programs().unwrap_or_default();
    suite.add("sources", &[], || {
        let programs = source::programs()?;
        let asks_nothing = programs.iter().find(|program| program.questions.is_empty());
        match asks_nothing {
            _ if programs.is_empty() => Err("there are no programs".into()),
            Some(program) => Err(format!("{} asks nothing", program.name).into()),
            None => Ok(()),
        }
    });
    suite.add("page_lists_all_questions", &[], || {
        let page = room().join("../docs/conformance.md");
        let page = std::fs::read_to_string(page).map_err(|error| error.to_string())?;
        let list = table::questions(&source::programs()?);
        let missing: Vec<_> = list.lines().filter(|line| !page.contains(*line)).collect();
        if missing.is_empty() {
            Ok(())
        } else {
            Err(format!("docs/conformance.md lacks {}", missing.join("\n")).into())
        }
    });
    let needs = [Need::CC, Need::X86_64, Need::RSEQ];
    let host = sys::glibc_version().unwrap_or((0, 0));
    add(&mut suite, &programs, "host", host, &needs);
    for (name, glibc) in RELEASES {
        let needs = [&needs[..], &[conformance::need(name)]].concat();
        add(&mut suite, &programs, name, glibc, &needs);
    }
    suite.run()
}

fn add(
    suite: &mut Suite,
    programs: &[Source],
    root: &'static str,
    glibc: (u32, u32),
    needs: &[Need],
) {
    for owner in Owner::ALL {
        for program in programs {
            if owner.applies_to(glibc) {
                let name = format!("{root}::{}::{}", owner.name(), program.name);
                let program = program.name.clone();
                suite.add(name, needs, move || cell(root, owner, &program));
            }
        }
    }
}

fn cell(root: &str, owner: Owner, program: &str) -> Outcome {
    let root = Root::open(root)?;
    let programs = Programs::for_root(&root)?;
    let program = programs.get(program)?;
    let mut cell = Cell::new(program, owner, &programs.place(&root)?);
    // the command runs them in full
    let rounds = if root.loader.is_none() { "30" } else { "10" };
    let rounds = ("CONFORMANCE_ROUNDS".to_owned(), rounds.to_owned());
    cell.environment.push(rounds);
    let conditions = Conditions::here(owner, root.glibc)?;
    let judged = table::judge(program, &cell, &conditions, &Known::read()?)?;
    let wrong: Vec<_> = judged
        .iter()
        .filter_map(|judged| match &judged.verdict {
            Verdict::Wrong(why) => Some(format!("{}: {why}", judged.question)),
            Verdict::Skipped(why) => {
                println!("skipped: {}: {why}", judged.question);
                None
            }
            _ => None,
        })
        .collect();
    none_of(wrong)
}
