//! The answers as a table: questions down, worlds across.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Value, json};

use super::cell::Cell;
use super::known::{Conditions, Judged, Known, Verdict};
use super::owner::Owner;
use super::source::{Question, Source};
use super::{Place, Programs, Root, answers};

/// All questions in one world.
#[derive(Clone, Debug)]
pub struct Column {
    /// `host`, a Debian release, or a kernel's name.
    pub root: String,
    /// Whose world.
    pub owner: Owner,
    /// The judged questions, in the order of programs.
    pub judged: Vec<Judged>,
}

impl Column {
    /// Runs all programs whose name begins with `only` in one world.
    ///
    /// # Errors
    ///
    /// A program cannot be started.
    pub fn run(
        programs: &Programs,
        only: &str,
        owner: Owner,
        root: &Root,
        place: &Place,
        known: &Known,
    ) -> Result<Self, String> {
        let conditions = Conditions::here(owner, root.glibc)?;
        let mut judged = Vec::new();
        for program in &programs.sources {
            if program.name.starts_with(only) {
                let cell = Cell::new(program, owner, place);
                judged.extend(judge(program, &cell, &conditions, known)?);
            }
        }
        Ok(Self {
            root: root.name.clone(),
            owner,
            judged,
        })
    }

    /// What went wrong, one line each.
    #[must_use]
    pub fn failures(&self) -> Vec<String> {
        self.judged
            .iter()
            .filter_map(|judged| match &judged.verdict {
                Verdict::Wrong(why) => Some(format!(
                    "{} {}: {}: {why}",
                    self.root,
                    self.owner.name(),
                    judged.question
                )),
                _ => None,
            })
            .collect()
    }
}

/// Runs one cell here and judges what it prints.
///
/// # Errors
///
/// It cannot be started.
pub fn judge(
    program: &Source,
    cell: &Cell,
    conditions: &Conditions,
    known: &Known,
) -> Result<Vec<Judged>, String> {
    let finished = cell.run()?;
    let (answers, ended) = match answers::parse(&finished.out) {
        Ok(answers) => (answers, finished.code()),
        Err(error) => {
            return Err(format!("{}: {error}", program.name));
        }
    };
    let mut judged = known.judge(program, conditions, ended, &answers);
    if ended != 0 {
        for one in &mut judged {
            if let Verdict::Wrong(why) = &mut one.verdict {
                let _ = write!(why, "; {}", finished.err.trim_end());
            }
        }
    }
    Ok(judged)
}

/// How many cells there are of each kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Asked and as it must be.
    pub right: usize,
    /// Another answer, with its reason written down.
    pub known: usize,
    /// Could not be asked.
    pub skipped: usize,
    /// All else.
    pub wrong: usize,
}

/// Counts answers.
#[must_use]
pub fn tally<'a>(judged: impl IntoIterator<Item = &'a Judged>) -> Tally {
    let mut tally = Tally::default();
    for judged in judged {
        *match judged.verdict {
            Verdict::Right => &mut tally.right,
            Verdict::Known(_) => &mut tally.known,
            Verdict::Skipped(_) => &mut tally.skipped,
            Verdict::Wrong(_) => &mut tally.wrong,
        } += 1;
    }
    tally
}

/// The table in Markdown, one for each root, and the reasons of what is not yes.
#[must_use]
pub fn markdown(questions: &[Question], columns: &[Column]) -> String {
    let mut text = String::new();
    let mut reasons: Vec<&str> = Vec::new();
    for chunk in columns.chunk_by(|one, other| one.root == other.root) {
        let _ = writeln!(text, "\n### {}\n", chunk[0].root);
        let names: Vec<_> = chunk.iter().map(|column| column.owner.name()).collect();
        let _ = writeln!(text, "| question | {} |", names.join(" | "));
        let _ = writeln!(text, "|---|{}", "---|".repeat(names.len()));
        for question in questions {
            let answers: Vec<_> = chunk
                .iter()
                .map(|column| {
                    let mut all = column.judged.iter();
                    all.find(|judged| judged.question == question.name)
                        .map_or_else(String::new, |judged| word(judged, &mut reasons))
                })
                .collect();
            if answers.iter().any(|answer| !answer.is_empty()) {
                let _ = writeln!(text, "| {} | {} |", question.name, answers.join(" | "));
            }
        }
    }
    if !reasons.is_empty() {
        text.push('\n');
    }
    for (index, reason) in reasons.iter().enumerate() {
        let _ = writeln!(text, "{}. {reason}", index + 1);
    }
    text
}

fn word<'a>(judged: &'a Judged, reasons: &mut Vec<&'a str>) -> String {
    let mut number = |reason: &'a str| {
        let known = reasons.iter().position(|known| *known == reason);
        known.map_or_else(
            || {
                reasons.push(reason);
                reasons.len()
            },
            |index| index + 1,
        )
    };
    let said = judged.said.map_or("", answers::Said::word);
    match &judged.verdict {
        Verdict::Right => said.to_owned(),
        Verdict::Known(reason) => format!("{said} ({})", number(reason)),
        Verdict::Skipped(_) => "skip".to_owned(),
        Verdict::Wrong(_) => format!("**{}**", said.to_uppercase()),
    }
}

/// What is asked, as Markdown tables, one for each program.
#[must_use]
pub fn questions(programs: &[Source]) -> String {
    let mut text = String::new();
    for program in programs {
        let _ = writeln!(
            text,
            "### {}\n\n| question | asks |\n|---|---|",
            program.name
        );
        for question in &program.questions {
            let _ = writeln!(text, "| {} | {} |", question.name, question.text);
        }
        text.push('\n');
    }
    text
}

/// Every answer with its figures, a line each.
#[must_use]
pub fn details(columns: &[Column]) -> String {
    let mut text = String::new();
    for column in columns {
        for judged in &column.judged {
            let _ = writeln!(
                text,
                "{} {} {}: {}: {}",
                column.root,
                column.owner.name(),
                judged.question,
                judged.said.map_or("not answered", answers::Said::word),
                judged.detail,
            );
        }
    }
    text
}

/// The same as one JSON value: an array of cells, each with `root`, `owner`,
/// `question`, `answer` (`yes`, `no`, `skip` or null), `verdict` (`right`,
/// `known`, `skipped`, `wrong`), `reason` and `detail`.
#[must_use]
pub fn json(columns: &[Column]) -> Value {
    let cell = |column: &Column, judged: &Judged| {
        let (verdict, reason) = match &judged.verdict {
            Verdict::Right => ("right", ""),
            Verdict::Known(reason) => ("known", reason.as_str()),
            Verdict::Skipped(reason) => ("skipped", reason.as_str()),
            Verdict::Wrong(reason) => ("wrong", reason.as_str()),
        };
        json!({
            "root": column.root,
            "owner": column.owner.name(),
            "question": judged.question,
            "answer": judged.said.map(answers::Said::word),
            "verdict": verdict,
            "reason": reason,
            "detail": judged.detail,
        })
    };
    let cells = columns
        .iter()
        .flat_map(|column| column.judged.iter().map(move |judged| cell(column, judged)));
    Value::Array(cells.collect())
}

/// What was skipped, by its reason.
#[must_use]
pub fn skipped(columns: &[Column]) -> BTreeMap<String, Vec<String>> {
    let mut skipped: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for column in columns {
        for judged in &column.judged {
            if let Verdict::Skipped(reason) = &judged.verdict {
                let cell = format!("{} {}", column.root, column.owner.name());
                skipped
                    .entry(format!("{}: {reason}", judged.question))
                    .or_default()
                    .push(cell);
            }
        }
    }
    skipped
}
