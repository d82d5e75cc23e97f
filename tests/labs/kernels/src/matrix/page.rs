//! The matrix as a table for people and as JSON.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::World;
use rseq_kit::machine::Machine;
use rseq_lab_conformance::known::Judged;
use rseq_lab_conformance::table::{Tally, tally};
use rseq_lab_conformance::{Said, Verdict};

/// A kernel with a C library: a column of a table.
type Place = (Machine, String, String);

/// The tables in Markdown, one for each machine that was asked.
#[must_use]
pub fn tables(worlds: &[World]) -> String {
    let mut text = String::new();
    for machine in Machine::ALL {
        let here = worlds.iter().filter(|world| world.machine == machine);
        let here: Vec<_> = here.cloned().collect();
        if !here.is_empty() {
            let _ = writeln!(text, "{}\n{}", heading(machine), table(&here));
        }
    }
    text
}

/// A table in Markdown: questions down, kernels with C libraries across.
///
/// A cell sums up all owners that were asked: how many answered as they must, and
/// after a plus how many have another answer for a reason that is written down,
/// by its number.
fn table(worlds: &[World]) -> String {
    let places = places(worlds);
    let mut reasons = Vec::new();
    let mut text = String::new();
    let heads: Vec<_> = places
        .iter()
        .map(|(_, kernel, libc)| format!("{kernel} {libc}"))
        .collect();
    let _ = writeln!(text, "| question | {} |", heads.join(" | "));
    let _ = writeln!(text, "|---|{}", "---|".repeat(heads.len()));
    for question in questions(worlds) {
        let cells: Vec<_> = places
            .iter()
            .map(|place| cell(&answers(worlds, place, &question), &mut reasons))
            .collect();
        let _ = writeln!(text, "| {question} | {} |", cells.join(" | "));
    }
    let all: Vec<_> = places
        .iter()
        .map(|place| {
            let here = worlds.iter().filter(|world| is_at(world, place));
            let tally = tally(here.flat_map(|world| &world.judged));
            format!("**{} of {}**", tally.right + tally.known, total(tally))
        })
        .collect();
    let _ = writeln!(text, "| **all** | {} |", all.join(" | "));
    text.push('\n');
    for (subjects, heads) in subjects(worlds, &places) {
        let (subjects, heads) = (subjects.join(", "), heads.join(", "));
        let _ = writeln!(text, "Asked with {heads}: {subjects}.\n");
    }
    for (number, reason) in reasons.iter().enumerate() {
        let _ = writeln!(text, "{}. {reason}", number + 1);
    }
    text
}

/// Who was asked where: subjects, and the columns that they were asked in.
fn subjects(worlds: &[World], places: &[Place]) -> Vec<(Vec<String>, Vec<String>)> {
    let mut all = Vec::<(Vec<String>, Vec<String>)>::new();
    for place in places {
        let here = worlds.iter().filter(|world| is_at(world, place));
        let mut here: Vec<_> = here.map(|world| world.subject.clone()).collect();
        here.dedup();
        let head = format!("{} {}", place.1, place.2);
        match all.iter_mut().find(|(subjects, _)| *subjects == here) {
            Some((_, heads)) => heads.push(head),
            None => all.push((here, vec![head])),
        }
    }
    all
}

/// Answers that were given, those that could not be asked included.
fn total(tally: Tally) -> usize {
    tally.right + tally.known + tally.skipped + tally.wrong
}

fn places(worlds: &[World]) -> Vec<Place> {
    let mut places = Vec::new();
    for world in worlds {
        let place = (world.machine, world.kernel.clone(), world.libc.clone());
        if !places.contains(&place) {
            places.push(place);
        }
    }
    places
}

fn is_at(world: &World, (machine, kernel, libc): &Place) -> bool {
    world.machine == *machine && world.kernel == *kernel && world.libc == *libc
}

/// In the order in which they were asked.
fn questions(worlds: &[World]) -> Vec<String> {
    let mut questions = Vec::new();
    for judged in worlds.iter().flat_map(|world| &world.judged) {
        if !questions.contains(&judged.question) {
            questions.push(judged.question.clone());
        }
    }
    questions
}

fn answers<'a>(worlds: &'a [World], place: &Place, question: &str) -> Vec<&'a Judged> {
    let here = worlds.iter().filter(|world| is_at(world, place));
    here.flat_map(|world| &world.judged)
        .filter(|judged| judged.question == question)
        .collect()
}

/// Short enough for a cell.
fn is_word(detail: &str) -> bool {
    (1..16).contains(&detail.len())
}

fn cell(answers: &[&Judged], reasons: &mut Vec<String>) -> String {
    let tally = tally(answers.iter().copied());
    let mut known = Vec::new();
    for answer in answers {
        if let Verdict::Known(reason) | Verdict::Skipped(reason) = &answer.verdict {
            let number = reasons.iter().position(|other| other == reason);
            let number = number.unwrap_or_else(|| {
                reasons.push(reason.clone());
                reasons.len() - 1
            });
            known.push(number + 1);
        }
    }
    known.sort_unstable();
    known.dedup();
    let known: Vec<_> = known.iter().map(usize::to_string).collect();
    let mut text = match answers {
        [] => return String::new(),
        // what one subject said is worth more than that it was right
        [only] if only.said.is_none() && known.is_empty() && is_word(&only.detail) => {
            only.detail.clone()
        }
        _ => tally.right.to_string(),
    };
    if !known.is_empty() {
        let _ = write!(
            text,
            " +{} ({})",
            tally.known + tally.skipped,
            known.join(", ")
        );
    }
    if tally.wrong > 0 {
        let _ = write!(text, " **{} wrong**", tally.wrong);
    }
    text
}

/// All answers, one object each, and the sums.
#[must_use]
pub fn json(worlds: &[World]) -> Value {
    let answer = |world: &World, judged: &Judged| {
        let (verdict, reason) = match &judged.verdict {
            Verdict::Right => ("right", None),
            Verdict::Known(reason) => ("known", Some(reason)),
            Verdict::Skipped(reason) => ("skipped", Some(reason)),
            Verdict::Wrong(reason) => ("wrong", Some(reason)),
        };
        json!({
            "machine": world.machine.name(),
            "kernel": world.kernel,
            "libc": world.libc,
            "subject": world.subject,
            "question": judged.question,
            "answer": judged.said.map(Said::word),
            "verdict": verdict,
            "reason": reason,
            "detail": judged.detail,
        })
    };
    let answers: Vec<_> = worlds
        .iter()
        .flat_map(|world| world.judged.iter().map(|judged| answer(world, judged)))
        .collect();
    let tally = tally(worlds.iter().flat_map(|world| &world.judged));
    json!({
        "right": tally.right,
        "known": tally.known,
        "skipped": tally.skipped,
        "wrong": tally.wrong,
        "answers": answers,
    })
}

/// What the page says of one machine: sums, the table, and the packages of its kernels.
#[must_use]
pub fn section(machine: Machine, worlds: &[World], versions: &[String]) -> String {
    let tally = tally(worlds.iter().flat_map(|world| &world.judged));
    let packages = versions.iter().fold(String::new(), |mut text, package| {
        let _ = writeln!(text, "- `{package}`");
        text
    });
    format!(
        "{}\n{} cells were run: {} answer as required, {} give another answer for a \
         reason below, {} could not be asked, {} are wrong.\n\n{}\nThe kernels, as \
         Debian packages:\n\n{packages}",
        heading(machine),
        total(tally),
        tally.right,
        tally.known,
        tally.skipped,
        tally.wrong,
        table(worlds),
    )
}

/// The page of the docs: the `old` one with this section for `machine`.
#[must_use]
pub fn page(old: &str, machine: Machine, section: &str) -> String {
    let mut text = HEAD.to_owned();
    for other in Machine::ALL {
        let kept = old.split_once(&heading(other)).map(|(_, rest)| {
            let end = rest.find("\n## ").map_or(rest.len(), |end| end + 1);
            format!("{}{}", heading(other), rest[..end].trim_end())
        });
        let section = if other == machine {
            Some(section.trim_end().to_owned())
        } else {
            kept
        };
        if let Some(section) = section {
            let _ = write!(text, "\n{section}\n");
        }
    }
    text
}

fn heading(machine: Machine) -> String {
    format!("## {}\n", machine.name())
}

/// What the page begins with.
const HEAD: &str = "\
# The matrix

Do not edit this page by hand: each of these commands writes the part of one architecture.

    cargo xtask lab kernels -- --kernels all --page docs/matrix.md
    cargo xtask lab kernels --target aarch64 -- --page docs/matrix.md

There is a table for each architecture, with one row for each question and one column for
each kernel and C library. Each kernel is a Debian package, booted in an emulator
(`qemu-system-x86_64`, `qemu-system-aarch64`, without KVM). The guest contains an init of
ours, the C library of a Debian release, the conformance suite, the shim and `rseqctl`, and
nothing else. `host` is the kernel of the machine that runs the command.

Answers are kept in the cache, by the content of the kernel, the C library, the suite, the
shim and the command: a run that was cut off, or was given a time (`--minutes 30`), is gone
on with by the next one. An answer that is wrong is not kept, and `--fresh` asks everything
again.

    cargo xtask matrix                       # the three default kernels, one glibc
    cargo xtask matrix --kernels 6.19,host --glibcs bullseye,trixie
    cargo xtask matrix --kernels all         # everything on this page
    cargo xtask matrix --all                 # that, and the host's kernel with every glibc
    cargo xtask matrix --target aarch64      # every kernel for AArch64, with every glibc
    cargo xtask matrix --target aarch64 --kernels 7.3 --glibcs forky --owners libc,shim

`cargo xtask matrix` is the same as `cargo xtask lab kernels --`. Who was asked is said
below each table.

`cargo test -p rseq-lab-kernels` runs the same on the three default kernels, and with
`RSEQ_KERNELS=all` on all of them.

A cell for a question of the suite counts the owners ([conformance.md](conformance.md)):
how many answer as required and, after a plus sign, how many give another answer for one
of the numbered reasons below the table. A cell for a question about the kernel is the
kernel's behaviour. `tests/kernels/facts.txt` explains these names and has the expected
answers, for AArch64 `facts-aarch64.txt`; any other answer is wrong.

- `registered-length` is the length of the registration, as the kernel reports it. Areas
  of 32 bytes, and the shim's own, are registered with 32, the legacy mode in which the
  kernel overwrites `cpu_id_start`. A definition of 64 bytes is registered with 64 where
  the kernel announces a feature size.
- `cached-memory` is a client that keeps the address of its per-CPU memory in
  `cpu_id_start`, as TCMalloc does, and moves that memory behind a membarrier. Where the
  kernel does not rewrite a changed `cpu_id_start`, the client writes to memory that it
  no longer owns. No owner can prevent that, and `rseqctl run` refuses to start such a
  client there, because of what it reads in its code. Where the kernel does not abort
  critical sections, no owner can help any client that has some, and `run` refuses to
  start it, too. `-by-pointer` is the same client
  with a store through a pointer that is kept across jumps.
- `doctor-*`: `rseqctl doctor` has detected what the kernel does.
";
