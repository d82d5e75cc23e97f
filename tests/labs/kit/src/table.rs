//! The table of a lab.

use std::fmt::Write as _;

use crate::judge::{Figure, Seen, Verdict, faults, largest};
use crate::row::Answer;
use crate::world::World;

/// The first two lines.
#[must_use]
pub fn head() -> String {
    let names = World::ALL.map(World::name).join(" | ");
    format!(
        "| row | {names} | |\n|---|{}---|",
        "---|".repeat(World::ALL.len())
    )
}

/// The line of one row.
#[must_use]
pub fn line(answer: &Answer) -> String {
    let mut line = format!("| {} |", answer.name);
    for world in World::ALL {
        let column = answer.columns.iter().find(|(which, _)| *which == world);
        let cell = column.map_or_else(|| "-".to_owned(), |(_, seen)| cell(seen));
        let _ = write!(line, " {cell} |");
    }
    let _ = write!(line, " {} |", verdict_cell(&answer.verdict));
    line
}

/// A verdict as one cell.
#[must_use]
pub fn verdict_cell(verdict: &Verdict) -> String {
    one_line(&match verdict {
        Verdict::Right => "right".to_owned(),
        Verdict::Wrong(why) => format!("**wrong**: {why}"),
        Verdict::Undecided(why) => format!("undecided: {why}"),
        Verdict::Skipped(why) => format!("skipped: {why}"),
    })
}

fn cell(seen: &[Seen]) -> String {
    let (bad, all) = (faults(seen), seen.len());
    let mut cell = match (bad, all) {
        (_, 0) => "-".to_owned(),
        (0, 1) => "good".to_owned(),
        (0, _) => format!("{all} good"),
        (1, 1) => "fails".to_owned(),
        _ => format!("{bad} of {all} fail"),
    };
    for Figure { what, count, .. } in largest(seen) {
        let _ = write!(cell, ", {count} {what}");
    }
    if let Some(remark) = seen
        .iter()
        .map(|seen| &seen.remark)
        .find(|it| !it.is_empty())
    {
        let _ = write!(cell, ", {remark}");
    }
    cell
}

/// A text as one cell of a table: bounded, without what ends a cell.
fn one_line(text: &str) -> String {
    const MOST: usize = 400;
    let mut line: String = text
        .chars()
        .map(|letter| match letter {
            '|' => '/',
            '\n' | '\r' | '\t' => ' ',
            other => other,
        })
        .take(MOST)
        .collect();
    if text.chars().count() > MOST {
        line.push_str("...");
    }
    line
}

/// How many rows are what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// The same with and without the shim.
    pub right: u32,
    /// Not the same.
    pub wrong: u32,
    /// Not to be compared.
    pub undecided: u32,
    /// The machine lacks something.
    pub skipped: u32,
}

impl Tally {
    /// Counts one more.
    pub fn add(&mut self, verdict: &Verdict) {
        *match verdict {
            Verdict::Right => &mut self.right,
            Verdict::Wrong(_) => &mut self.wrong,
            Verdict::Undecided(_) => &mut self.undecided,
            Verdict::Skipped(_) => &mut self.skipped,
        } += 1;
    }

    /// 1 where a row is wrong, 3 where one could not be compared, else 0.
    #[must_use]
    pub fn exit_status(self) -> u8 {
        match self {
            Self { wrong: 1.., .. } => 1,
            Self { undecided: 1.., .. } => 3,
            _ => 0,
        }
    }
}

impl std::fmt::Display for Tally {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            right,
            wrong,
            undecided,
            skipped,
        } = self;
        write!(
            out,
            "{right} right, {wrong} wrong, {undecided} undecided, {skipped} skipped"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(verdict: Verdict) -> Answer {
        let good = Seen::default().with_figure("reports", 3, "");
        let columns = vec![
            (World::Without, vec![good.clone(), good.clone()]),
            (World::Shim, vec![good, Seen::faulty("x".to_owned())]),
        ];
        Answer {
            name: "a/b",
            columns,
            verdict,
        }
    }

    #[test]
    fn a_line_says_what_was_seen_and_what_it_means() {
        let wrong = answer(Verdict::Wrong("a|b\nc".to_owned()));
        assert_eq!(
            line(&wrong),
            "| a/b | 2 good, 3 reports | 1 of 2 fail, 3 reports | - | **wrong**: a/b c |"
        );
    }

    #[test]
    fn a_wrong_row_is_the_labs_failure() {
        let status = |verdicts: &[Verdict]| {
            let mut tally = Tally::default();
            for verdict in verdicts {
                tally.add(verdict);
            }
            tally.exit_status()
        };
        let why = String::new;
        assert_eq!(status(&[Verdict::Right, Verdict::Skipped(why())]), 0);
        assert_eq!(status(&[Verdict::Right, Verdict::Undecided(why())]), 3);
        assert_eq!(
            status(&[Verdict::Undecided(why()), Verdict::Wrong(why())]),
            1
        );
    }
}
