//! Asks the three owners of `docs/three-owners.md` everything, on both bases of
//! `patches-glibc/`, and prints the page's table.

#![forbid(unsafe_code)]

use std::process::ExitCode;

use rseq_lab_conformance::source;
use rseq_lab_conformance::table::{Column, Tally, skipped, tally};
use rseq_lab_glibc::three_owners;

const USAGE: &str = "usage: owners [--write]

--write: put the table into docs/three-owners.md; without it, the page is compared";

fn main() -> ExitCode {
    let words: Vec<_> = std::env::args().skip(1).collect();
    let writes = match &words[..] {
        [] => false,
        [word] if word == "--write" => true,
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match ask(writes) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("owners: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Answers whether nothing is wrong and the page says the same.
fn ask(writes: bool) -> Result<bool, String> {
    let columns = three_owners::run(|line| eprintln!("{line}"))?;
    let questions: Vec<_> = source::programs()?
        .into_iter()
        .flat_map(|program| program.questions)
        .collect();
    let table = three_owners::table(&questions, &columns);
    println!("{table}");
    for (reason, cells) in skipped(&columns) {
        eprintln!("skipped: {reason} ({})", cells.join(", "));
    }
    let wrong: Vec<_> = columns.iter().flat_map(Column::failures).collect();
    for line in &wrong {
        eprintln!("wrong: {line}");
    }
    let Tally {
        right,
        known,
        skipped,
        wrong,
    } = tally(columns.iter().flat_map(|column| &column.judged));
    eprintln!("{right} right, {known} known, {skipped} skipped, {wrong} wrong");
    let is_whole = wrong == 0 && skipped == 0;
    if writes && is_whole {
        three_owners::write(&table)?;
    } else if writes {
        eprintln!("the page is left as it is: a skip or a wrong answer is none");
    }
    let (_, committed) = three_owners::read()?;
    let is_same = committed == table;
    if !is_same && wrong == 0 {
        eprintln!("docs/three-owners.md says otherwise: --write rewrites its table");
    }
    Ok(wrong == 0 && is_same)
}
