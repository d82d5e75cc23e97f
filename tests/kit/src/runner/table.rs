//! A suite as a laboratory: one test after the other, a line for each.

use std::any::Any;
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::time::Instant;

use libtest_mimic::Arguments;

use super::entry::{Entry, Outcome, missing};

/// Prints a line for each test that the command line asks for, and the sums.
///
/// Returns 0, or 1 where one is wrong, or 2 where the command line names none.
pub fn print(entries: Vec<Entry>, arguments: &Arguments) -> ExitCode {
    ExitCode::from(write(entries, arguments, &mut std::io::stdout()))
}

fn write(entries: Vec<Entry>, arguments: &Arguments, out: &mut impl Write) -> u8 {
    let asked = |name: &str| {
        arguments.filter.as_deref().is_none_or(|filter| {
            if arguments.exact {
                name == filter
            } else {
                name.contains(filter)
            }
        })
    };
    let (mut right, mut wrong, mut skipped) = (0, 0, 0);
    let mut say = |line: String| drop(writeln!(out, "{line}"));
    say("| question | answer | seconds |\n|---|---|---|".to_owned());
    for entry in entries.into_iter().filter(|entry| asked(&entry.name)) {
        let start = Instant::now();
        let answer = if let Some(reason) = missing(&entry.needs) {
            skipped += 1;
            format!("skipped: {reason}")
        } else if let Err(reason) = caught(entry.body) {
            wrong += 1;
            format!("wrong: {reason}")
        } else {
            right += 1;
            "right".to_owned()
        };
        let answer = answer.replace(['\n', '|'], " ");
        let took = start.elapsed().as_secs_f32();
        say(format!("| {} | {answer} | {took:.1} |", entry.name));
    }
    say(format!("\n{right} right, {wrong} wrong, {skipped} skipped"));
    match (right + wrong + skipped, wrong) {
        (0, _) => 2,
        (_, 0) => 0,
        _ => 1,
    }
}

/// Runs a test; a panic is its failure.
fn caught(body: Box<dyn FnOnce() -> Outcome + Send>) -> Result<(), String> {
    match catch_unwind(AssertUnwindSafe(body)) {
        Ok(outcome) => {
            outcome.map_err(|failed| failed.message().unwrap_or("it does not say why").to_owned())
        }
        Err(panic) => Err(text_of(&*panic)),
    }
}

fn text_of(panic: &(dyn Any + Send)) -> String {
    panic
        .downcast_ref::<String>()
        .cloned()
        .or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()))
        .unwrap_or_else(|| "it panicked".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::needs::{Need, Tool};

    fn entry(name: &str, needs: &[Need], body: fn() -> Outcome) -> Entry {
        Entry {
            name: name.to_owned(),
            needs: needs.to_vec(),
            body: Box::new(body),
        }
    }

    fn entries() -> Vec<Entry> {
        vec![
            entry("good", &[], || Ok(())),
            entry("bad", &[], || Err("it is\nbad".into())),
            entry("panics", &[], || panic!("so it is")),
            entry("cannot", &[Need::new(&Tool("no-such-program"))], || Ok(())),
        ]
    }

    #[test]
    fn every_answer_is_a_line_and_the_status() {
        let mut out = Vec::new();
        assert_eq!(write(entries(), &Arguments::default(), &mut out), 1);
        let text = String::from_utf8(out).expect("UTF-8");
        let answers: Vec<_> = text
            .lines()
            .filter_map(|it| it.split(" | ").nth(1))
            .collect();
        let expected = [
            "answer",
            "right",
            "wrong: it is bad",
            "wrong: so it is",
            "skipped: needs no-such-program in PATH",
        ];
        assert_eq!(answers, expected);
        assert!(text.ends_with("\n1 right, 2 wrong, 1 skipped\n"), "{text}");
    }

    #[test]
    fn a_filter_that_names_nothing_is_told_apart() {
        let only = |filter: &str| Arguments {
            filter: Some(filter.to_owned()),
            ..Arguments::default()
        };
        assert_eq!(write(entries(), &only("goo"), &mut Vec::new()), 0);
        assert_eq!(write(entries(), &only("nothing"), &mut Vec::new()), 2);
    }
}
