//! What a rule is.

use crate::report::ObjectReport;

use super::id::RuleId;
use super::message::Message;

/// How much a finding matters. The order is from least to most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Worth knowing.
    Note,
    /// Something will not work as its author meant it to.
    Warning,
    /// A rule of the shared area is broken: threads may crash or lose rseq.
    Error,
}

impl Level {
    /// Returns the word used in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// What a rule is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// One object file.
    Object,
    /// The objects of a whole program.
    Program,
    /// A running process.
    Process,
    /// What a running program loads.
    Load,
    /// The host: its kernel, its libc, its settings.
    Host,
}

/// One rule.
#[derive(Debug)]
pub struct Rule {
    /// Its id in code.
    pub id: RuleId,
    /// What it is about.
    pub subject: Subject,
    /// Its stable name.
    pub name: &'static str,
    /// The level of its findings.
    pub level: Level,
    /// What it comes to, in one clause.
    pub title: &'static str,
    /// What it means and why it matters, in one paragraph.
    pub explanation: &'static str,
    /// Where that is written down.
    pub source: &'static str,
    /// The finding's words, if an object breaks the rule; none for rules about
    /// anything else.
    pub(super) check: Option<fn(&ObjectReport) -> Option<Message>>,
}
