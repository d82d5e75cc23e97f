//! The matrix as a table for people and as JSON.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::World;
use super::columns::{self, Column, table};
use crate::guest::kernels;
use rseq_kit::machine::Machine;
use rseq_lab_conformance::known::Judged;
use rseq_lab_conformance::table::tally;
use rseq_lab_conformance::{Said, Verdict};

/// The tables in Markdown, one for each machine that was asked.
#[must_use]
pub fn tables(worlds: &[World]) -> String {
    let mut text = String::new();
    for machine in Machine::ALL {
        let columns = columns::of(machine, worlds);
        if !columns.is_empty() {
            let _ = writeln!(text, "{}\n{}", heading(machine), table(&columns));
        }
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
fn section(machine: Machine, columns: &[Column], packages: &[String]) -> String {
    let tally = columns::sum(columns);
    let packages = packages.iter().fold(String::new(), |mut text, package| {
        let _ = writeln!(text, "{package}");
        text
    });
    format!(
        "{}\n{} cells were run: {} answer as required, {} give another answer for a \
         reason below, {} could not be asked, {} are wrong.\n\n{}\n{PACKAGES}\n\n{packages}",
        heading(machine),
        columns::total(tally),
        tally.right,
        tally.known,
        tally.skipped,
        tally.wrong,
        table(columns),
    )
}

/// What stands above the list of packages.
const PACKAGES: &str = "The kernels, as Debian packages:";

/// The page of the docs: the `old` one with these answers of a machine. Columns that are not
/// among them stay. `packages` are kernels' names and packages.
#[must_use]
pub fn page(old: &str, machine: Machine, worlds: &[World], packages: &[(&str, String)]) -> String {
    let mut text = HEAD.to_owned();
    for other in Machine::ALL {
        let kept = old.split_once(&heading(other)).map(|(_, rest)| {
            let end = rest.find("\n## ").map_or(rest.len(), |end| end + 1);
            rest[..end].trim_end()
        });
        let section = if other == machine {
            let kept = kept.unwrap_or_default();
            let columns =
                columns::merged(machine, columns::read(kept), columns::of(machine, worlds));
            let packages = merged_packages(machine, kept, packages);
            (!columns.is_empty()).then(|| section(machine, &columns, &packages))
        } else {
            kept.map(|kept| format!("{}{kept}", heading(other)))
        };
        if let Some(section) = section {
            let _ = write!(text, "\n{}\n", section.trim_end());
        }
    }
    text
}

/// A line for each kernel: its package now, or the one that the page names.
fn merged_packages(machine: Machine, kept: &str, now: &[(&str, String)]) -> Vec<String> {
    let (_, lines) = kept.split_once(PACKAGES).unwrap_or_default();
    let all = kernels::of(machine).iter().filter_map(|kernel| {
        if let Some((_, package)) = now.iter().find(|(name, _)| *name == kernel.name) {
            return Some(format!("- `{package}`"));
        }
        let is_its = |line: &&str| {
            let version = line.split_once(&format!("-{}", kernel.name));
            version.is_some_and(|(_, rest)| rest.starts_with(['.', '+', '-']))
        };
        lines.lines().find(is_its).map(str::to_owned)
    });
    all.collect()
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
    cargo xtask lab kernels --target s390x -- --glibcs bookworm --page docs/matrix.md

There is a table for each architecture, with one row for each question and one column for
each kernel and C library. Each kernel is a Debian package, booted in an emulator
(`qemu-system-x86_64`, `qemu-system-aarch64`, `qemu-system-s390x`, without KVM). The guest
contains an init of ours, the C library of a Debian release, the conformance suite, the shim
and `rseqctl`, and nothing else. `host` is the kernel of the machine that runs the command.
s390x is big-endian; both libraries are built for it, and `rseqctl` is not, so it has no
rows about what the command finds or starts.

Answers are kept in the cache, by the content of the kernel, the C library, the suite and,
where they run, the shim and the command: a run that was cut off, or was given a time
(`--minutes 30`), is gone on with by the next one. An answer that is wrong is not kept, and
`--fresh` asks everything again. Columns of this page that a run does not ask stay as they
were.

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
answers, for AArch64 `facts-aarch64.txt` and for s390x `facts-s390x.txt`; any other answer
is wrong.

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

#[cfg(test)]
mod tests {
    use rseq_kit::artifacts::workspace;

    use super::*;

    #[test]
    fn a_run_that_asks_nothing_leaves_the_page_as_it_is() {
        let path = workspace().join("docs/matrix.md");
        let old = std::fs::read_to_string(path).expect("the page is there");
        for machine in Machine::ALL {
            let new = page(&old, machine, &[], &[]);
            let mut lines = old.lines().zip(new.lines());
            assert_eq!(lines.find(|(old, new)| old != new), None);
            assert_eq!(old.len(), new.len());
        }
    }
}
