//! What must come out: yes to every question, but for what is written down in
//! `tests/conformance/known.txt`, with the reason.

use std::collections::BTreeSet;
use std::fs;

use super::answers::{Answer, Said};
use super::owner::Owner;
use super::source::{self, Source};

/// Where a cell was run.
#[derive(Clone, Copy, Debug)]
pub struct Conditions {
    /// Whose world.
    pub owner: Owner,
    /// Version of glibc.
    pub glibc: (u32, u32),
    /// Version of the kernel: 7.0.10 is (7, 0, 10).
    pub kernel: (u32, u32, u32),
}

impl Conditions {
    /// On this machine's kernel.
    ///
    /// # Errors
    ///
    /// Nothing tells its version.
    pub fn here(owner: Owner, glibc: (u32, u32)) -> Result<Self, String> {
        const RELEASE: &str = "/proc/sys/kernel/osrelease";
        let release = fs::read_to_string(RELEASE).map_err(|error| format!("{RELEASE}: {error}"))?;
        let kernel = kernel_version(&release).ok_or_else(|| format!("{RELEASE}: {release}"))?;
        Ok(Self {
            owner,
            glibc,
            kernel,
        })
    }
}

/// `7.0.10+deb13-amd64` as (7, 0, 10).
#[must_use]
pub fn kernel_version(release: &str) -> Option<(u32, u32, u32)> {
    let end = release.find(|byte: char| !byte.is_ascii_digit() && byte != '.');
    let mut numbers = release
        .get(..end.unwrap_or(release.len()))?
        .split('.')
        .map(|number| number.parse().unwrap_or(0));
    Some((
        numbers.next()?,
        numbers.next()?,
        numbers.next().unwrap_or(0),
    ))
}

/// How an answer compares with what must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Yes.
    Right,
    /// Another answer, which is known, with the reason.
    Known(String),
    /// The program could not ask, with its own reason.
    Skipped(String),
    /// Wrong, and why.
    Wrong(String),
}

/// One question in one cell.
#[derive(Clone, Debug)]
pub struct Judged {
    /// The question's name.
    pub question: String,
    /// The answer, if there was one.
    pub said: Option<Said>,
    /// What the program said with it.
    pub detail: String,
    /// How it compares.
    pub verdict: Verdict,
}

/// `OWNER[,OWNER...] CONDITION[,...] QUESTION ANSWER REASON`
#[derive(Clone, Debug)]
struct Entry {
    line: usize,
    owners: Vec<Owner>,
    conditions: Vec<Condition>,
    /// A name, or the beginning of names and `*`.
    question: String,
    said: Said,
    reason: String,
}

#[derive(Clone, Copy, Debug)]
enum Subject {
    Glibc,
    Kernel,
}

#[derive(Clone, Copy, Debug)]
struct Condition {
    subject: Subject,
    below: bool,
    version: (u32, u32, u32),
}

impl Condition {
    fn parse(text: &str) -> Option<Self> {
        let (subject, rest) = if let Some(rest) = text.strip_prefix("glibc") {
            (Subject::Glibc, rest)
        } else {
            (Subject::Kernel, text.strip_prefix("kernel")?)
        };
        let (below, version) = match rest.strip_prefix(">=") {
            Some(version) => (false, version),
            None => (true, rest.strip_prefix('<')?),
        };
        let mut numbers = version.split('.').map(str::parse);
        let mut number = || numbers.next().unwrap_or(Ok(0)).ok();
        Some(Self {
            subject,
            below,
            version: (number()?, number()?, number()?),
        })
    }

    fn holds(self, conditions: &Conditions) -> bool {
        let here = match self.subject {
            Subject::Glibc => (conditions.glibc.0, conditions.glibc.1, 0),
            Subject::Kernel => conditions.kernel,
        };
        (here < self.version) == self.below
    }
}

impl Entry {
    fn parse(line: usize, text: &str) -> Option<Self> {
        let mut words = text.split_whitespace();
        let owners = match words.next()? {
            "*" => Owner::ALL.to_vec(),
            names => names
                .split(',')
                .map(|name| Owner::from_name(name).ok())
                .collect::<Option<_>>()?,
        };
        let conditions = match words.next()? {
            "-" => Vec::new(),
            conditions => conditions
                .split(',')
                .map(Condition::parse)
                .collect::<Option<_>>()?,
        };
        let question = words.next()?.to_owned();
        let said = Said::from_word(words.next()?)?;
        let reason = words.collect::<Vec<_>>().join(" ");
        (!reason.is_empty()).then_some(Self {
            line,
            owners,
            conditions,
            question,
            said,
            reason,
        })
    }

    fn is_about(&self, question: &str) -> bool {
        match self.question.strip_suffix('*') {
            Some(beginning) => question.starts_with(beginning),
            None => question == self.question,
        }
    }

    fn holds(&self, conditions: &Conditions) -> bool {
        self.owners.contains(&conditions.owner)
            && self
                .conditions
                .iter()
                .all(|condition| condition.holds(conditions))
    }
}

/// The table of known answers.
#[derive(Clone, Debug)]
pub struct Known(Vec<Entry>);

impl Known {
    /// Reads the suite's table.
    ///
    /// # Errors
    ///
    /// It cannot be read, a line is wrong, or one is about no question.
    pub fn read() -> Result<Self, String> {
        let path = source::folder().join("known.txt");
        let text =
            fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        let known = Self::parse(&text)?;
        let asked: BTreeSet<String> = source::programs()?
            .into_iter()
            .flat_map(|program| program.questions)
            .map(|question| question.name)
            .collect();
        match known
            .0
            .iter()
            .find(|entry| !asked.iter().any(|name| entry.is_about(name)))
        {
            None => Ok(known),
            Some(entry) => Err(format!(
                "known.txt:{}: nobody asks {}",
                entry.line, entry.question
            )),
        }
    }

    /// Reads a table from its text.
    ///
    /// # Errors
    ///
    /// A line is wrong.
    pub fn parse(text: &str) -> Result<Self, String> {
        let lines = text.lines().enumerate();
        let lines = lines.filter(|(_, line)| !line.trim().is_empty() && !line.starts_with('#'));
        lines
            .map(|(index, line)| {
                Entry::parse(index + 1, line)
                    .ok_or_else(|| format!("known.txt:{}: {line:?}", index + 1))
            })
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// What must be answered: the first entry that holds counts.
    fn expected(&self, conditions: &Conditions, question: &str) -> Option<&Entry> {
        self.0
            .iter()
            .find(|entry| entry.is_about(question) && entry.holds(conditions))
    }

    /// The answer that must come, judged.
    #[must_use]
    pub fn foretell(&self, conditions: &Conditions, question: &str) -> Judged {
        let entry = self.expected(conditions, question);
        let said = entry.map_or(Said::Yes, |entry| entry.said);
        Judged {
            question: question.to_owned(),
            said: Some(said),
            detail: String::new(),
            verdict: match entry {
                Some(entry) if said != Said::Yes => Verdict::Known(entry.reason.clone()),
                _ => Verdict::Right,
            },
        }
    }

    /// Judges what a program printed: every question that it is there to ask,
    /// and nothing else.
    ///
    /// `ended` is its exit status, or minus the signal that killed it.
    #[must_use]
    pub fn judge(
        &self,
        program: &Source,
        conditions: &Conditions,
        ended: i32,
        answers: &[Answer],
    ) -> Vec<Judged> {
        let mut judged: Vec<_> = program
            .questions
            .iter()
            .map(|question| self.judge_one(conditions, &question.name, ended, answers))
            .collect();
        let is_asked = |name: &str| program.questions.iter().any(|asked| asked.name == name);
        for answer in answers {
            if !is_asked(&answer.question) {
                judged.push(Judged {
                    question: answer.question.clone(),
                    said: Some(answer.said),
                    detail: answer.detail.clone(),
                    verdict: Verdict::Wrong(format!("{} does not ask this", program.name)),
                });
            }
        }
        judged
    }

    fn judge_one(
        &self,
        conditions: &Conditions,
        question: &str,
        ended: i32,
        answers: &[Answer],
    ) -> Judged {
        let mut found = answers.iter().filter(|answer| answer.question == question);
        let (answer, more) = (found.next(), found.next());
        let expected = self.expected(conditions, question);
        let verdict = match answer {
            None => Verdict::Wrong(format!("not answered; the program ended with {ended}")),
            Some(_) if more.is_some() => Verdict::Wrong("answered twice".to_owned()),
            Some(_) if ended != 0 => Verdict::Wrong(format!("the program then ended with {ended}")),
            Some(answer) if answer.said == Said::Skip => Verdict::Skipped(answer.detail.clone()),
            Some(answer) => match (expected, answer.said) {
                (None, Said::Yes) => Verdict::Right,
                (Some(entry), Said::Yes) if entry.said == Said::Yes => Verdict::Right,
                (None, _) => Verdict::Wrong(answer.detail.clone()),
                (Some(entry), said) if said == entry.said => Verdict::Known(entry.reason.clone()),
                (Some(entry), _) => Verdict::Wrong(format!(
                    "known.txt:{} says {}: {}",
                    entry.line,
                    entry.said.word(),
                    answer.detail
                )),
            },
        };
        Judged {
            question: question.to_owned(),
            said: answer.map(|answer| answer.said),
            detail: answer
                .map(|answer| answer.detail.clone())
                .unwrap_or_default(),
            verdict,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn conditions(owner: Owner) -> Conditions {
        Conditions {
            owner,
            glibc: (2, 36),
            kernel: (6, 18, 0),
        }
    }

    fn program() -> Source {
        let question = |name: &str| source::Question {
            name: name.to_owned(),
            text: String::new(),
        };
        Source {
            name: "p".to_owned(),
            path: "p.c".into(),
            options: Vec::new(),
            uses: Vec::new(),
            questions: vec![question("one"), question("two")],
        }
    }

    fn verdicts(table: &str, owner: Owner, ended: i32, out: &str) -> Vec<&'static str> {
        let answers = super::super::answers::parse(out).unwrap();
        Known::parse(table)
            .unwrap()
            .judge(&program(), &conditions(owner), ended, &answers)
            .into_iter()
            .map(|judged| match judged.verdict {
                Verdict::Right => "right",
                Verdict::Known(_) => "known",
                Verdict::Skipped(_) => "skipped",
                Verdict::Wrong(_) => "wrong",
            })
            .collect()
    }

    const TABLE: &str = "# owners conditions question answer reason\n\
        shim kernel>=6.19 one no kernels keep it\n\
        libc,shim glibc>=2.35,glibc<2.40 t* no by design\n";

    #[test]
    fn judges() {
        let both = "one\tyes\t\ntwo\tno\t\n";
        assert_eq!(verdicts(TABLE, Owner::Shim, 0, both), ["right", "known"]);
        // not known of this owner
        assert_eq!(verdicts(TABLE, Owner::Adopter, 0, both), ["right", "wrong"]);
        // the program broke, or asked less, twice, or something else
        assert_eq!(verdicts(TABLE, Owner::Shim, 2, both), ["wrong", "wrong"]);
        assert_eq!(
            verdicts(TABLE, Owner::Shim, 0, "one\tskip\tx\n"),
            ["skipped", "wrong"]
        );
        let more = "one\tyes\t\none\tyes\t\ntwo\tno\t\nthree\tyes\t\n";
        assert_eq!(
            verdicts(TABLE, Owner::Shim, 0, more),
            ["wrong", "known", "wrong"]
        );
        // what is known is not so any more
        assert_eq!(
            verdicts(TABLE, Owner::Shim, 0, "one\tyes\t\ntwo\tyes\t\n"),
            ["right", "wrong"]
        );
    }

    #[test]
    fn reads_versions() {
        assert_eq!(kernel_version("7.0.10+deb13-amd64\n"), Some((7, 0, 10)));
        assert_eq!(kernel_version("6.18.5"), Some((6, 18, 5)));
        assert_eq!(kernel_version("6.1"), Some((6, 1, 0)));
        assert_eq!(kernel_version("-"), None);
    }

    #[test]
    fn says_which_line_is_wrong() {
        assert!(Known::parse("shim - one no\n").is_err());
        assert!(Known::parse("ship - one no why\n").is_err());
        let error = Known::parse("\nshim kernel=6 one no why\n").unwrap_err();
        assert!(error.starts_with("known.txt:2: "), "{error}");
    }

    #[test]
    fn table_of_the_suite() {
        Known::read().unwrap();
    }
}
