//! The rules about whole programs.

use crate::report::ObjectReport;

use super::finding::Finding;
use super::id::RuleId;
use super::rule::{Level, Rule, Subject};

/// Two objects of one program have an `__rseq_abi` of their own.
pub static SECOND_DEFINER: Rule = Rule {
    id: RuleId::SecondDefiner,
    subject: Subject::Program,
    name: RuleId::SecondDefiner.name(),
    level: Level::Error,
    title: "two objects of one program have an __rseq_abi of their own",
    explanation: "A thread has one registration. Where two objects of one program define \
        __rseq_abi and cannot see each other's definition, both try to register an area \
        of their own: the second is refused (EINVAL), and its code stays on its slow path \
        or takes the refusal for fatal. Export one definition and let the \
        others refer to it.",
    source: "Linux, kernel/rseq.c, sys_rseq; ELF gABI, symbol resolution",
    check: None,
};

/// An `__rseq_abi` that comes by dlopen comes too late.
pub static DLOPENED_DEFINER: Rule = Rule {
    id: RuleId::DlopenedDefiner,
    subject: Subject::Program,
    name: RuleId::DlopenedDefiner.name(),
    level: Level::Warning,
    title: "an __rseq_abi that comes by dlopen comes too late",
    explanation: "A library that dlopen brings with RTLD_LOCAL is in no global scope: its \
        __rseq_abi is the area of its own users and of nobody else, and it comes after \
        threads have started. Link the program with the library, or preload it, so that \
        its definition is the one that everybody finds.",
    source: "dlopen(3), RTLD_LOCAL; ELF gABI, symbol resolution",
    check: None,
};

/// The objects of a program or process that bring an `__rseq_abi` of their own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Definers(usize);

impl Definers {
    /// Counts them among the objects of one program.
    pub fn among<'a>(reports: impl Iterator<Item = &'a ObjectReport>) -> Self {
        Self(reports.filter(|report| report.brings_definition()).count())
    }

    /// Judges one of the objects; `wins` says that its definition is the first
    /// in the global scope.
    #[must_use]
    pub fn second_definer(self, report: &ObjectReport, wins: bool) -> Option<Finding> {
        let breaks = self.0 > 1 && report.keeps_its_own_area(wins);
        breaks.then(|| {
            Finding::new(
                &SECOND_DEFINER,
                "has an __rseq_abi of its own beside that of another object of the program: one \
                 of them is refused; export one definition and let the others refer to it",
            )
        })
    }
}

/// Judges an object that is not among those that the program starts with.
#[must_use]
pub fn dlopened_definer(report: &ObjectReport) -> Option<Finding> {
    let exports = report.exported_definition().is_some();
    exports.then(|| {
        Finding::new(
            &DLOPENED_DEFINER,
            "exports __rseq_abi and is not among the objects that the program starts with: by \
             dlopen it comes too late to be the area of the process; link the program with it or \
             preload it",
        )
    })
}
