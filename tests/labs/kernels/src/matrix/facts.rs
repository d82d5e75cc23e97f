//! What a kernel does with rseq, as `kernels/facts.c` found it, beside what it is
//! known to do (`kernels/facts.txt`).

use std::collections::BTreeMap;
use std::fs;

use rseq_kit::artifacts::room;
use rseq_kit::machine::Machine;
use rseq_lab_conformance::known::{Judged, Verdict};

/// Facts by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts(BTreeMap<String, String>);

impl Facts {
    /// What a run of `facts.c` printed.
    ///
    /// # Errors
    ///
    /// It printed something else.
    pub fn found(text: &str) -> Result<Self, String> {
        let fact = |line: &str| {
            let (name, what) = line.split_once('\t')?;
            Some((name.to_owned(), what.to_owned()))
        };
        let facts = text
            .lines()
            .map(|line| fact(line).ok_or_else(|| format!("not a fact: {line:?}")));
        facts.collect::<Result<_, _>>().map(Self)
    }

    /// What is known of the kernel of this name.
    ///
    /// # Errors
    ///
    /// Nothing is.
    pub fn known(machine: Machine, kernel: &str) -> Result<Self, String> {
        let path = room().join("kernels").join(match machine {
            Machine::X86_64 => "facts.txt",
            Machine::Aarch64 => "facts-aarch64.txt",
            Machine::S390x => "facts-s390x.txt",
        });
        let text =
            fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        Self::column(&text, kernel).ok_or_else(|| format!("{}: no {kernel}", path.display()))
    }

    fn column(text: &str, kernel: &str) -> Option<Self> {
        let mut lines = text.lines().filter(|line| !line.starts_with('#'));
        let column = lines
            .next()?
            .split_whitespace()
            .position(|name| name == kernel)?;
        let mut facts = BTreeMap::new();
        for line in lines {
            let words: Vec<_> = line.split_whitespace().collect();
            facts.insert(
                (*words.first()?).to_owned(),
                (*words.get(column)?).to_owned(),
            );
        }
        Some(Self(facts))
    }

    /// A fact.
    ///
    /// # Errors
    ///
    /// Nobody has asked.
    pub fn get(&self, name: &str) -> Result<&str, String> {
        let fact = self.0.get(name).map(String::as_str);
        fact.ok_or_else(|| format!("nobody has asked about {name}"))
    }

    /// A fact that is a number.
    ///
    /// # Errors
    ///
    /// Nobody has asked, or it is none.
    pub fn number(&self, name: &str) -> Result<u32, String> {
        let fact = self.get(name)?;
        fact.parse()
            .map_err(|_| format!("{name} is no number but {fact}"))
    }

    /// Whether the kernel overwrites a `cpu_id_start` that user space has changed,
    /// in an area of 32 bytes, whenever a client counts on it.
    ///
    /// # Errors
    ///
    /// Nobody has asked.
    pub fn rewrites(&self) -> Result<bool, String> {
        ["sleep", "preemption", "signal", "membarrier", "migration"]
            .into_iter()
            .try_fold(true, |all, how| {
                let fact = self.get(&format!("changed-32-{how}"))?;
                Ok(all && fact == "rewritten")
            })
    }

    /// Whether the kernel aborts critical sections of an area of 32 bytes, whatever
    /// interrupts them.
    ///
    /// # Errors
    ///
    /// Nobody has asked.
    pub fn aborts(&self) -> Result<bool, String> {
        ["preemption", "signal", "membarrier", "migration"]
            .into_iter()
            .try_fold(true, |all, how| {
                Ok(all && self.get(&format!("section-32-{how}"))? == "aborts")
            })
    }

    /// Every fact, beside what is known; `A|B` is one or the other.
    #[must_use]
    pub fn judge(&self, known: &Self) -> Vec<Judged> {
        let names = self.0.keys().chain(known.0.keys());
        let mut names: Vec<_> = names.collect();
        names.sort();
        names.dedup();
        let judge = |name: &String| {
            let (found, known) = (self.0.get(name), known.0.get(name));
            let word = |fact: Option<&String>| fact.map_or("nothing", |fact| fact).to_owned();
            Judged {
                question: name.clone(),
                said: None,
                detail: word(found),
                verdict: if found.is_some_and(|found| is_as_known(found, known)) {
                    Verdict::Right
                } else {
                    let (found, known) = (word(found), word(known));
                    Verdict::Wrong(format!("found {found}, known is {known}"))
                },
            }
        };
        names.into_iter().map(judge).collect()
    }
}

fn is_as_known(found: &str, known: Option<&String>) -> bool {
    known.is_some_and(|known| known.split('|').any(|known| known == found))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guest::kernels;

    #[test]
    fn every_kernel_is_known() {
        let known = |kernel: &kernels::Kernel| Facts::known(kernel.machine, kernel.name).unwrap();
        let all = |machine| kernels::of(machine).iter().map(known).collect::<Vec<_>>();
        let ours = all(Machine::X86_64);
        let others = [Machine::Aarch64, Machine::S390x].map(all);
        let all = || ours.iter().chain(others.iter().flatten());
        assert!(all().all(|facts| facts.0.len() == ours[0].0.len()));
        // where a client may cache in cpu_id_start
        let rewrites = ours.iter().map(|facts| facts.rewrites().unwrap());
        assert_eq!(rewrites.filter(|rewrites| !rewrites).count(), 2);
        // where critical sections abort whenever they must
        let aborts = all().map(|facts| facts.aborts().unwrap());
        assert_eq!(aborts.filter(|aborts| !aborts).count(), 2);
    }

    #[test]
    fn differences_are_wrong() {
        let known = Facts::column("fact A B\nx 1 2\ny a b\n", "B").unwrap();
        let either = Facts::column("fact A\nx 2|1\ny 2|3\n", "A").unwrap();
        let found = Facts::found("x\t1\ny\t1\n").unwrap();
        let verdicts = found.judge(&either);
        let right: Vec<_> = verdicts
            .iter()
            .map(|it| it.verdict == Verdict::Right)
            .collect();
        assert_eq!(right, [true, false]);
        let found = Facts::found("x\t1\nz\tc\n").unwrap();
        let verdicts: Vec<_> = found
            .judge(&known)
            .into_iter()
            .map(|judged| (judged.question, judged.verdict == Verdict::Right))
            .collect();
        let wrong = ["x", "y", "z"].map(|name| (name.to_owned(), false));
        assert_eq!(verdicts, wrong);
        assert!(
            known
                .judge(&known)
                .iter()
                .all(|judged| judged.verdict == Verdict::Right)
        );
    }
}
