//! Prints the table of launchers by programs; `--write` puts it into
//! `docs/launchers.md`.

#![forbid(unsafe_code)]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::process::ExitCode;

use clap::Parser;
use rseq_kit::artifacts::workspace;
use rseq_kit::needs::Prerequisite as _;
use rseq_kit::scratch;
use rseq_lab::cli::Choice;
use rseq_lab::told::Told;
use rseq_lab_launchers::{Cell, LAUNCHERS, Launcher, Subject, look};

const PAGE: &str = "docs/launchers.md";
const BEGIN: &str = "<!-- launchers: begin -->\n";
const END: &str = "<!-- launchers: end -->\n";

#[derive(Debug, Parser)]
struct Cli {
    #[command(flatten)]
    choice: Choice,
    /// Put the table into docs/launchers.md
    #[arg(long)]
    write: bool,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let launchers: Vec<_> = LAUNCHERS
        .iter()
        .filter(|launcher| cli.choice.takes(launcher.name))
        .collect();
    let told: Vec<_> = launchers.iter().map(|launcher| told(launcher)).collect();
    let status = cli
        .choice
        .tell(&told)
        .unwrap_or_else(|| run(&launchers, cli.write));
    scratch::remove();
    ExitCode::from(status)
}

fn told(launcher: &'static Launcher) -> Told<'static> {
    Told {
        name: launcher.name,
        asks: "who owns rseq in the program below it, and around it",
        needs: launcher.needs,
    }
}

/// Which cells are wrong, by what is wrong, and how many are right or skipped.
#[derive(Default)]
struct Notes {
    wrong: Vec<String>,
    skipped: BTreeMap<String, usize>,
    right: usize,
}

fn run(launchers: &[&Launcher], write: bool) -> u8 {
    let names = Subject::ALL.map(Subject::name).join(" | ");
    let mut table = format!(
        "| below `rseqctl run` | {names} |\n|---|{}\n",
        "---|".repeat(6)
    );
    print!("{table}");
    let mut notes = Notes::default();
    for launcher in launchers {
        let mut line = format!("| {} |", launcher.name);
        for subject in Subject::ALL {
            // writing to a String does not fail
            let _ = write!(line, " {} |", cell(launcher, subject, &mut notes));
        }
        line.push('\n');
        print!("{line}");
        table += &line;
    }
    println!("\n{} right, {} wrong", notes.right, notes.wrong.len());
    for wrong in &notes.wrong {
        println!("wrong: {wrong}");
    }
    for (reason, count) in &notes.skipped {
        println!("skipped ({count}): {reason}");
    }
    if write && let Err(error) = replace(&table) {
        eprintln!("{PAGE}: {error}");
        return 2;
    }
    u8::from(!notes.wrong.is_empty())
}

fn cell(launcher: &Launcher, subject: Subject, notes: &mut Notes) -> String {
    let lacks = launcher.needs.iter().find_map(|need| need.check().err());
    let lacks = lacks.or_else(|| subject.needs().iter().find_map(|need| need.check().err()));
    if let Some(reason) = lacks {
        *notes.skipped.entry(reason).or_default() += 1;
        return "skipped".to_owned();
    }
    match look(launcher, subject) {
        Ok(Cell::Right(seen)) => {
            notes.right += 1;
            format!("{} {}/{}", seen.owner, seen.registered, seen.threads)
        }
        Ok(Cell::Wrong(why)) | Err(why) => {
            let wrong = format!("{}, {}: {why}", launcher.name, subject.name());
            // at once, and once more at the end
            eprintln!("wrong: {wrong}");
            notes.wrong.push(wrong);
            "**wrong**".to_owned()
        }
    }
}

/// Puts the table between its marks.
fn replace(table: &str) -> Result<(), String> {
    let path = workspace().join(PAGE);
    let text = fs::read_to_string(&path).map_err(|error| error.to_string())?;
    let (before, rest) = text.split_once(BEGIN).ok_or("it has no mark")?;
    let (_, after) = rest.split_once(END).ok_or("it has no mark")?;
    fs::write(&path, format!("{before}{BEGIN}{table}{END}{after}"))
        .map_err(|error| error.to_string())
}
