//! Runs the conformance suite and prints a table, owner by question.

#![forbid(unsafe_code)]

use std::process::ExitCode;

use rseq_lab_conformance::table::{self, Column};
use rseq_lab_conformance::{Known, Owner, Programs, Root, source};

const USAGE: &str =
    "usage: conformance [--owner OWNER]... [--root ROOT]... [--program BEGINNING] [--json | --details]
       conformance --questions

OWNER: nobody, libc, passive, shim, takeover, adopter, adopted, exporter, patched;
       default: all that the root's glibc knows
ROOT:  host, bullseye, bookworm, trixie, forky, all; default: host";

struct Wishes {
    owners: Vec<Owner>,
    roots: Vec<String>,
    program: String,
    json: bool,
    details: bool,
}

fn main() -> ExitCode {
    if std::env::args().skip(1).eq(["--questions"]) {
        return questions();
    }
    let wishes = match wishes(std::env::args().skip(1)) {
        Ok(wishes) => wishes,
        Err(error) => {
            eprintln!("conformance: {error}\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match run(&wishes) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("conformance: {error}");
            ExitCode::from(2)
        }
    }
}

/// Prints what is asked, program by program.
fn questions() -> ExitCode {
    match source::programs() {
        Ok(programs) => {
            print!("{}", table::questions(&programs));
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("conformance: {error}");
            ExitCode::from(2)
        }
    }
}

fn wishes(mut words: impl Iterator<Item = String>) -> Result<Wishes, String> {
    let mut wishes = Wishes {
        owners: Vec::new(),
        roots: Vec::new(),
        program: String::new(),
        json: false,
        details: false,
    };
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or(format!("{word} what?"));
        match &*word {
            "--owner" => wishes.owners.push(Owner::from_name(&value()?)?),
            "--root" => wishes.roots.push(value()?),
            "--program" => wishes.program = value()?,
            "--json" => wishes.json = true,
            "--details" => wishes.details = true,
            _ => return Err(format!("what is {word:?}?")),
        }
    }
    if wishes.roots.is_empty() {
        wishes.roots.push("host".to_owned());
    }
    if wishes.roots == ["all"] {
        wishes.roots = ["host", "bullseye", "bookworm", "trixie", "forky"]
            .map(str::to_owned)
            .to_vec();
    }
    Ok(wishes)
}

/// Prints the table; answers whether every cell is right or known.
fn run(wishes: &Wishes) -> Result<bool, String> {
    let known = Known::read()?;
    let mut columns = Vec::new();
    let mut questions = Vec::new();
    for name in &wishes.roots {
        let root = Root::open(name)?;
        let programs = Programs::for_root(&root)?;
        let place = programs.place(&root)?;
        questions = programs.questions().cloned().collect();
        for owner in Owner::ALL {
            let asked_for = wishes.owners.contains(&owner);
            if asked_for || (wishes.owners.is_empty() && owner.applies_to(root.glibc)) {
                eprintln!("{name} {}", owner.name());
                columns.push(Column::run(
                    programs,
                    &wishes.program,
                    owner,
                    &root,
                    &place,
                    &known,
                )?);
            }
        }
    }
    if wishes.json {
        println!("{:#}", table::json(&columns));
    } else if wishes.details {
        print!("{}", table::details(&columns));
    } else {
        println!("{}", table::markdown(&questions, &columns));
    }
    for (reason, cells) in table::skipped(&columns) {
        eprintln!("skipped: {reason} ({})", cells.join(", "));
    }
    let failures: Vec<_> = columns.iter().flat_map(Column::failures).collect();
    for failure in &failures {
        eprintln!("wrong: {failure}");
    }
    let tally = table::tally(columns.iter().flat_map(|column| &column.judged));
    eprintln!(
        "{} right, {} known, {} skipped, {} wrong",
        tally.right, tally.known, tally.skipped, tally.wrong
    );
    Ok(failures.is_empty())
}
