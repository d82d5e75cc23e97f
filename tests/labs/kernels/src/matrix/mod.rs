//! Kernels by C libraries by owners by questions: what was asked where, and what
//! came out.
//!
//! A [`World`] is one kernel with one C library and one subject: an owner, who is
//! asked what the conformance suite asks, or the kernel itself, or the command.
//! `cargo xtask matrix` puts them together; `tests/kernels.rs` asks three kernels
//! in every run of the tests.

mod columns;
pub mod facts;
pub mod here;
mod judge;
pub mod machine;
pub mod page;

use rseq_kit::machine::Machine;
use rseq_lab_conformance::Verdict;
use rseq_lab_conformance::known::Judged;

/// All questions that one subject was asked on one kernel with one C library.
#[derive(Clone, Debug)]
pub struct World {
    /// The architecture.
    pub machine: Machine,
    /// Name of the kernel; `host` for that of this machine.
    pub kernel: String,
    /// Name of the C library: `host`, or a Debian release.
    pub libc: String,
    /// An owner's name, `kernel`, `client`, `doctor` or `run`.
    pub subject: String,
    /// The judged questions.
    pub judged: Vec<Judged>,
}

impl World {
    /// What went wrong, one line each.
    #[must_use]
    pub fn failures(&self) -> Vec<String> {
        let line = |judged: &Judged| match &judged.verdict {
            Verdict::Wrong(why) => Some(format!(
                "{} {} {} {} {}: {why}",
                self.machine.name(),
                self.kernel,
                self.libc,
                self.subject,
                judged.question
            )),
            _ => None,
        };
        self.judged.iter().filter_map(line).collect()
    }
}
