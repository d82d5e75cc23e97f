//! The columns of the matrix: made of answers, or read back from the page that an earlier
//! run has written. A whole table takes hours, so each run may renew a part.

use std::fmt::Write as _;

use super::World;
use crate::guest::kernels;
use rseq_kit::machine::Machine;
use rseq_lab_conformance::Verdict;
use rseq_lab_conformance::known::Judged;
use rseq_lab_conformance::root::RELEASES;
use rseq_lab_conformance::table::{Tally, tally};

/// A kernel with a C library.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    kernel: String,
    libc: String,
    /// Who was asked, if that is known.
    subjects: Vec<String>,
    /// Questions and what came out, in the order in which they were asked.
    cells: Vec<(String, Cell)>,
    tally: Tally,
}

/// What all subjects of a column have answered to one question.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Cell {
    /// What the only subject has said, or how many answer as required.
    right: String,
    /// How many have another answer for a reason that is written down.
    others: usize,
    reasons: Vec<String>,
    wrong: usize,
}

const ASKED: &str = "Asked with ";

/// The columns of these answers.
pub fn of(machine: Machine, worlds: &[World]) -> Vec<Column> {
    let mut columns: Vec<Column> = Vec::new();
    for world in worlds.iter().filter(|world| world.machine == machine) {
        let (kernel, libc) = (&world.kernel, &world.libc);
        if !columns.iter().any(|column| column.is(kernel, libc)) {
            let here = worlds.iter().filter(|other| {
                other.machine == machine && other.kernel == *kernel && other.libc == *libc
            });
            columns.push(Column::of(kernel, libc, &here.collect::<Vec<_>>()));
        }
    }
    columns
}

impl Column {
    fn of(kernel: &str, libc: &str, worlds: &[&World]) -> Self {
        let mut subjects: Vec<_> = worlds.iter().map(|world| world.subject.clone()).collect();
        subjects.dedup();
        let all = || worlds.iter().flat_map(|world| &world.judged);
        let mut questions: Vec<&String> = Vec::new();
        for judged in all() {
            if !questions.contains(&&judged.question) {
                questions.push(&judged.question);
            }
        }
        let cell = |question: &String| {
            let answers = all().filter(|judged| judged.question == *question);
            (question.clone(), Cell::of(&answers.collect::<Vec<_>>()))
        };
        Self {
            kernel: kernel.to_owned(),
            libc: libc.to_owned(),
            subjects,
            cells: questions.into_iter().map(cell).collect(),
            tally: tally(all()),
        }
    }

    fn is(&self, kernel: &str, libc: &str) -> bool {
        self.kernel == kernel && self.libc == libc
    }

    fn head(&self) -> String {
        format!("{} {}", self.kernel, self.libc)
    }
}

impl Cell {
    fn of(answers: &[&Judged]) -> Self {
        let tally = tally(answers.iter().copied());
        let mut reasons: Vec<String> = Vec::new();
        for answer in answers {
            if let Verdict::Known(reason) | Verdict::Skipped(reason) = &answer.verdict
                && !reasons.contains(reason)
            {
                reasons.push(reason.clone());
            }
        }
        let right = match answers {
            // what one subject said is worth more than that it was right
            [only] if only.said.is_none() && reasons.is_empty() && is_word(&only.detail) => {
                only.detail.clone()
            }
            _ => tally.right.to_string(),
        };
        Self {
            right,
            others: tally.known + tally.skipped,
            reasons,
            wrong: tally.wrong,
        }
    }

    /// Reads what [`Self::text`] has written.
    fn read(text: &str, all: &[(usize, &str)]) -> Option<Self> {
        let (text, wrong) = match text.strip_suffix(" wrong**") {
            Some(text) => text.rsplit_once(" **")?,
            None => (text, "0"),
        };
        let (right, others, numbers) = match text.strip_suffix(')') {
            Some(text) => {
                let (rest, numbers) = text.rsplit_once(" (")?;
                let (right, others) = rest.rsplit_once(" +")?;
                (right, others, numbers)
            }
            None => (text, "0", ""),
        };
        let reason = |number: &str| {
            let number: usize = number.parse().ok()?;
            let mut all = all.iter();
            all.find_map(|(other, reason)| (*other == number).then(|| (*reason).to_owned()))
        };
        let reasons = numbers.split(", ").filter(|number| !number.is_empty());
        Some(Self {
            right: right.to_owned(),
            others: others.parse().ok()?,
            reasons: reasons.map(reason).collect::<Option<_>>()?,
            wrong: wrong.parse().ok()?,
        })
    }

    fn text(&self, reasons: &mut Vec<String>) -> String {
        let mut numbers = Vec::new();
        for reason in &self.reasons {
            let number = reasons.iter().position(|other| other == reason);
            let number = number.unwrap_or_else(|| {
                reasons.push(reason.clone());
                reasons.len() - 1
            });
            numbers.push(number + 1);
        }
        numbers.sort_unstable();
        let numbers: Vec<_> = numbers.iter().map(usize::to_string).collect();
        let mut text = self.right.clone();
        if !numbers.is_empty() {
            let _ = write!(text, " +{} ({})", self.others, numbers.join(", "));
        }
        if self.wrong > 0 {
            let _ = write!(text, " **{} wrong**", self.wrong);
        }
        text
    }
}

/// Short enough for a cell.
fn is_word(detail: &str) -> bool {
    (1..16).contains(&detail.len())
}

/// The columns in Markdown: questions down, kernels with C libraries across.
///
/// A cell sums up all owners that were asked: how many answered as they must, and
/// after a plus how many have another answer for a reason that is written down,
/// by its number.
pub fn table(columns: &[Column]) -> String {
    let mut reasons = Vec::new();
    let mut text = String::new();
    let heads: Vec<_> = columns.iter().map(Column::head).collect();
    let _ = writeln!(text, "| question | {} |", heads.join(" | "));
    let _ = writeln!(text, "|---|{}", "---|".repeat(heads.len()));
    for question in questions(columns) {
        let cell = |column: &Column| {
            let mut cells = column.cells.iter();
            let cell = cells.find(|(other, _)| other == question);
            cell.map_or_else(String::new, |(_, cell)| cell.text(&mut reasons))
        };
        let cells: Vec<_> = columns.iter().map(cell).collect();
        let _ = writeln!(text, "| {question} | {} |", cells.join(" | "));
    }
    let all: Vec<_> = columns
        .iter()
        .map(|column| {
            let tally = column.tally;
            format!("**{} of {}**", tally.right + tally.known, total(tally))
        })
        .collect();
    let _ = writeln!(text, "| {ALL} | {} |", all.join(" | "));
    text.push('\n');
    for (subjects, heads) in subjects(columns) {
        if subjects.is_empty() {
            continue;
        }
        let (subjects, heads) = (subjects.join(", "), heads.join(", "));
        let _ = writeln!(text, "{ASKED}{heads}: {subjects}.\n");
    }
    for (number, reason) in reasons.iter().enumerate() {
        let _ = writeln!(text, "{}. {reason}", number + 1);
    }
    text
}

/// The last row.
const ALL: &str = "**all**";

/// Who was asked where: subjects, and the columns that they were asked in.
fn subjects(columns: &[Column]) -> Vec<(&[String], Vec<String>)> {
    let mut all = Vec::<(&[String], Vec<String>)>::new();
    for column in columns {
        let subjects = &column.subjects[..];
        match all.iter_mut().find(|(others, _)| *others == subjects) {
            Some((_, heads)) => heads.push(column.head()),
            None => all.push((subjects, vec![column.head()])),
        }
    }
    all
}

/// In the order in which they were asked.
fn questions(columns: &[Column]) -> Vec<&String> {
    let mut questions = Vec::new();
    for (question, _) in columns.iter().flat_map(|column| &column.cells) {
        if !questions.contains(&question) {
            questions.push(question);
        }
    }
    questions
}

/// Answers that were given, those that could not be asked included.
pub fn total(tally: Tally) -> usize {
    tally.right + tally.known + tally.skipped + tally.wrong
}

/// The sums of all columns.
pub fn sum(columns: &[Column]) -> Tally {
    let mut sum = Tally::default();
    for Column { tally, .. } in columns {
        sum.right += tally.right;
        sum.known += tally.known;
        sum.skipped += tally.skipped;
        sum.wrong += tally.wrong;
    }
    sum
}

/// The columns of what [`table`] has written; those that cannot be read are left out.
pub fn read(text: &str) -> Vec<Column> {
    let reasons: Vec<(usize, &str)> = text
        .lines()
        .filter_map(|line| line.split_once(". "))
        .filter_map(|(number, reason)| Some((number.parse().ok()?, reason)))
        .collect();
    let asked: Vec<(&str, &str)> = text
        .lines()
        .filter_map(|line| {
            line.strip_prefix(ASKED)?
                .strip_suffix('.')?
                .split_once(": ")
        })
        .collect();
    let mut rows = text.lines().filter_map(cells_of);
    let heads = rows.next().unwrap_or_default();
    let rows: Vec<_> = rows.collect();
    let column = |(place, head): (usize, &&str)| {
        let (kernel, libc) = head.split_once(' ')?;
        let is_here = |(heads, _): &&(&str, &str)| heads.split(", ").any(|other| other == *head);
        // older pages do not say it
        let subjects = asked.iter().find(is_here);
        let subjects = subjects.map_or_else(Vec::new, |(_, subjects)| {
            subjects.split(", ").map(str::to_owned).collect()
        });
        let mut cells = Vec::new();
        let mut sum = None;
        for row in &rows {
            let (question, text) = (row.first()?, row.get(place + 1)?);
            if *question == ALL {
                sum = text
                    .strip_prefix("**")?
                    .strip_suffix("**")?
                    .split_once(" of ");
            } else if !text.is_empty() {
                cells.push(((*question).to_owned(), Cell::read(text, &reasons)?));
            }
        }
        let (answered, total) = sum?;
        let (answered, total): (usize, usize) = (answered.parse().ok()?, total.parse().ok()?);
        let others: usize = cells.iter().map(|(_, cell)| cell.others).sum();
        let wrong: usize = cells.iter().map(|(_, cell)| cell.wrong).sum();
        let skipped = total.checked_sub(answered + wrong)?;
        let known = others.checked_sub(skipped)?;
        Some(Column {
            kernel: kernel.to_owned(),
            libc: libc.to_owned(),
            subjects,
            cells,
            tally: Tally {
                right: answered.checked_sub(known)?,
                known,
                skipped,
                wrong,
            },
        })
    };
    let heads = heads.iter().skip(1);
    heads.enumerate().filter_map(column).collect()
}

/// The cells of a row; none of what is no row, or stands below the heads.
fn cells_of(line: &str) -> Option<Vec<&str>> {
    let line = line.strip_prefix("| ")?.strip_suffix(" |")?;
    Some(line.split(" | ").collect())
}

/// The new columns, and those of the old ones that are not among them, by kernel and C
/// library.
pub fn merged(machine: Machine, old: Vec<Column>, new: Vec<Column>) -> Vec<Column> {
    let kept = old.into_iter().filter(|column| {
        !new.iter()
            .any(|other| other.is(&column.kernel, &column.libc))
    });
    let mut all: Vec<_> = kept.collect();
    all.extend(new);
    let kernels = kernels::of(machine);
    // what has no place of its own comes last
    let last = usize::MAX;
    all.sort_by_key(|column| {
        let kernel = kernels.iter().position(|it| it.name == column.kernel);
        let libc = RELEASES.iter().position(|(name, _)| *name == column.libc);
        (kernel.unwrap_or(last), libc.unwrap_or(last))
    });
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A world in which the one subject has answered so.
    fn world(kernel: &str, libc: &str, subject: &str, answers: &[(&str, &str, Verdict)]) -> World {
        let judged = answers.iter().map(|(question, detail, verdict)| Judged {
            question: (*question).to_owned(),
            said: None,
            detail: (*detail).to_owned(),
            verdict: verdict.clone(),
        });
        World {
            machine: Machine::Aarch64,
            kernel: kernel.to_owned(),
            libc: libc.to_owned(),
            subject: subject.to_owned(),
            judged: judged.collect(),
        }
    }

    fn known(reason: &str) -> Verdict {
        Verdict::Known(reason.to_owned())
    }

    fn first() -> Vec<World> {
        let right = Verdict::Right;
        let skipped = Verdict::Skipped("no time".to_owned());
        vec![
            world(
                "6.1",
                "bookworm",
                "kernel",
                &[("align", "32", right.clone()), ("node", "", right.clone())],
            ),
            world(
                "6.1",
                "bookworm",
                "libc",
                &[("node", "", known("so it is")), ("area", "", skipped)],
            ),
            world(
                "7.3",
                "trixie",
                "kernel",
                &[("align", "64", right.clone()), ("late", "word", right)],
            ),
        ]
    }

    fn second() -> Vec<World> {
        let wrong = Verdict::Wrong("no".to_owned());
        vec![world(
            "6.1",
            "trixie",
            "kernel",
            &[
                ("align", "16", Verdict::Right),
                ("node", "", known("another")),
                ("late", "", wrong),
            ],
        )]
    }

    #[test]
    fn what_is_written_is_read() {
        let columns = of(Machine::Aarch64, &first());
        assert_eq!(read(&table(&columns)), columns);
        assert_eq!(
            sum(&columns),
            tally(first().iter().flat_map(|it| &it.judged))
        );
        let wrong = of(Machine::Aarch64, &second());
        assert_eq!(read(&table(&wrong)), wrong);
        assert_eq!(read("no table"), []);
    }

    #[test]
    fn a_part_asked_later_is_what_one_run_gives() {
        let both = [first(), second()].concat();
        let whole = merged(Machine::Aarch64, Vec::new(), of(Machine::Aarch64, &both));
        let old = read(&table(&of(Machine::Aarch64, &first())));
        let parts = merged(Machine::Aarch64, old, of(Machine::Aarch64, &second()));
        assert_eq!(table(&parts), table(&whole));
        // asked once more
        let again = merged(Machine::Aarch64, parts, of(Machine::Aarch64, &first()));
        assert_eq!(table(&again), table(&whole));
    }
}
