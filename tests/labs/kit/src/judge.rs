//! What was seen of one run, and whether it is right.

use std::collections::BTreeSet;

use rseq_kit::child::Finished;

use crate::world::World;

/// What was seen of one run of a program.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// What is wrong whatever other runs do: a crash, a hang, an exit status, a
    /// check of the program's own.
    pub fault: Option<String>,
    /// What must be the same in every world.
    pub says: String,
    /// What must not be more than without the shim.
    pub figures: Vec<Figure>,
    /// What the table says of it besides.
    pub remark: String,
}

/// Something counted: reports of a checker, bytes of stack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Figure {
    /// What is counted.
    pub what: &'static str,
    /// How many.
    pub count: u64,
    /// Which, for a table that has to say so.
    pub note: String,
}

impl Seen {
    /// A run that ended, or did not: its output must be the same, and anything but
    /// exit status 0 is a fault.
    #[must_use]
    pub fn of(ended: Result<Finished, String>) -> Self {
        match ended {
            Ok(finished) => Self {
                fault: fault_of(&finished),
                says: finished.out,
                ..Self::default()
            },
            Err(error) => Self::faulty(error),
        }
    }

    /// A run that went wrong.
    #[must_use]
    pub fn faulty(fault: String) -> Self {
        Self {
            fault: Some(fault),
            ..Self::default()
        }
    }

    /// The same with one more figure.
    #[must_use]
    pub fn with_figure(mut self, what: &'static str, count: u64, note: impl Into<String>) -> Self {
        let note = note.into();
        self.figures.push(Figure { what, count, note });
        self
    }

    /// The same with a remark.
    #[must_use]
    pub fn with_remark(mut self, remark: String) -> Self {
        self.remark = remark;
        self
    }
}

fn fault_of(finished: &Finished) -> Option<String> {
    let last = |text: &str| text.trim_end().lines().next_back().map(str::to_owned);
    match finished.code() {
        0 => None,
        code => {
            let words = last(&finished.err).or_else(|| last(&finished.out));
            Some(format!("status {code}: {}", words.unwrap_or_default()))
        }
    }
}

/// What is said of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The same with and without the shim.
    Right,
    /// Not the same, and how.
    Wrong(String),
    /// It could not be compared: without the shim it does not work either.
    Undecided(String),
    /// The machine lacks something.
    Skipped(String),
}

/// Compares the runs without the shim with those in each other world.
#[must_use]
pub fn judge(without: &[Seen], with: &[(World, Vec<Seen>)]) -> Verdict {
    if let Some(fault) = first_fault(without).filter(|_| faults(without) == without.len()) {
        return Verdict::Undecided(format!("without the shim: {fault}"));
    }
    let texts = texts(without);
    if texts.len() > 1 {
        return Verdict::Undecided("without the shim it says something else each time".to_owned());
    }
    let wrong: Vec<_> = with
        .iter()
        .flat_map(|(world, seen)| {
            differences(without, &texts, seen)
                .into_iter()
                .map(move |what| format!("{}: {what}", world.name()))
        })
        .collect();
    if wrong.is_empty() {
        Verdict::Right
    } else {
        Verdict::Wrong(wrong.join("; "))
    }
}

fn differences(without: &[Seen], texts: &BTreeSet<&str>, with: &[Seen]) -> Vec<String> {
    let mut found = Vec::new();
    // shares, because the two may have been run differently often
    if faults(with) * without.len() > faults(without) * with.len() {
        let (bad, all) = (faults(with), with.len());
        let fault = first_fault(with).unwrap_or_default();
        found.push(format!("{bad} of {all} fail: {fault}"));
    }
    let mut good = with.iter().filter(|seen| seen.fault.is_none());
    if let (Some(other), Some(expected)) = (
        good.find(|seen| !texts.contains(&*seen.says)),
        texts.first(),
    ) {
        found.push(difference(expected, &other.says));
    }
    let limits = largest(without);
    for Figure { what, count, note } in largest(with) {
        let limit = limits.iter().find(|limit| limit.what == *what);
        let limit = limit.map_or(0, |limit| limit.count);
        if *count > limit {
            found.push(format!("{count} {what}, without {limit}: {note}"));
        }
    }
    found
}

/// The first line in which two texts differ.
fn difference(expected: &str, found: &str) -> String {
    let (mut left, mut right) = (expected.lines(), found.lines());
    loop {
        match (left.next(), right.next()) {
            (None, None) => return "the ends of lines differ".to_owned(),
            (left, right) if left == right => {}
            (left, right) => {
                let word = |line: Option<&str>| line.unwrap_or("nothing").to_owned();
                return format!("says \"{}\", without \"{}\"", word(right), word(left));
            }
        }
    }
}

/// The number of runs that went wrong.
#[must_use]
pub fn faults(seen: &[Seen]) -> usize {
    seen.iter().filter(|seen| seen.fault.is_some()).count()
}

fn first_fault(seen: &[Seen]) -> Option<&str> {
    seen.iter().find_map(|seen| seen.fault.as_deref())
}

fn texts(seen: &[Seen]) -> BTreeSet<&str> {
    seen.iter()
        .filter(|seen| seen.fault.is_none())
        .map(|seen| &*seen.says)
        .collect()
}

/// The largest figure of each kind, of all runs.
#[must_use]
pub fn largest(seen: &[Seen]) -> Vec<&Figure> {
    let mut largest: Vec<&Figure> = Vec::new();
    for figure in seen.iter().flat_map(|seen| &seen.figures) {
        match largest.iter_mut().find(|known| known.what == figure.what) {
            Some(known) if known.count >= figure.count => {}
            Some(known) => *known = figure,
            None => largest.push(figure),
        }
    }
    largest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn says(text: &str) -> Seen {
        Seen {
            says: text.to_owned(),
            ..Seen::default()
        }
    }

    fn bad() -> Seen {
        Seen::faulty("status -11: ".to_owned())
    }

    fn wrong(verdict: &Verdict) -> &str {
        match verdict {
            Verdict::Wrong(why) => why,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_same_is_right() {
        let with = vec![
            (World::Shim, vec![says("a\n"); 2]),
            (World::Libc, vec![says("a\n")]),
        ];
        assert_eq!(judge(&[says("a\n")], &with), Verdict::Right);
    }

    #[test]
    fn a_fault_that_only_the_shim_has_is_wrong() {
        let with = vec![(World::Shim, vec![says("a"), bad(), says("a")])];
        let verdict = judge(&vec![says("a"); 3], &with);
        assert_eq!(wrong(&verdict), "the shim owns: 1 of 3 fail: status -11: ");
    }

    #[test]
    fn more_faults_than_without_are_wrong_and_as_many_are_not() {
        let without = [says("a"), bad(), says("a"), says("a")];
        let as_many = vec![(World::Libc, vec![bad(), says("a"), says("a"), says("a")])];
        assert_eq!(judge(&without, &as_many), Verdict::Right);
        let more = vec![(World::Libc, vec![bad(), bad(), says("a"), says("a")])];
        wrong(&judge(&without, &more));
    }

    #[test]
    fn another_output_is_wrong() {
        let with = vec![(World::Libc, vec![says("one\nthree\n")])];
        let verdict = judge(&[says("one\ntwo\n")], &with);
        assert_eq!(
            wrong(&verdict),
            "the libc owns: says \"three\", without \"two\""
        );
        let with = vec![(World::Libc, vec![says("one\n")])];
        wrong(&judge(&[says("one\ntwo\n")], &with));
    }

    #[test]
    fn a_larger_figure_is_wrong() {
        let counted = |count| says("").with_figure("bytes", count, "on the stack");
        let without = [counted(7), counted(9)];
        let with = vec![(World::Shim, vec![counted(9)])];
        assert_eq!(judge(&without, &with), Verdict::Right);
        let other = says("").with_figure("reports", 0, "");
        let with = vec![(World::Shim, vec![counted(8), other, counted(10)])];
        assert_eq!(
            wrong(&judge(&without, &with)),
            "the shim owns: 10 bytes, without 9: on the stack"
        );
    }

    #[test]
    fn what_fails_by_itself_decides_nothing() {
        let with = vec![(World::Shim, vec![bad()])];
        assert!(matches!(
            judge(&[bad(), bad()], &with),
            Verdict::Undecided(_)
        ));
        assert!(matches!(
            judge(&[says("1"), says("2")], &with),
            Verdict::Undecided(_)
        ));
    }
}
