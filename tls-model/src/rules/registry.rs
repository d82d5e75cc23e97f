//! Every rule, and what they say together.

use crate::report::ObjectReport;

use super::finding::Finding;
use super::id::RuleId;
use super::list::with_every_rule;
use super::rule::{Rule, Subject};
use super::{host, load, object, process, program};

macro_rules! registry {
    ($($id:ident $name:literal => $module:ident::$rule:ident,)*) => {
        /// Every rule: those about objects, programs, processes and loads, then
        /// the verdicts about the host; errors first in each part.
        pub static RULES: [&Rule; [$(stringify!($id)),*].len()] = [$(&$module::$rule),*];
    };
}

with_every_rule!(registry);

impl RuleId {
    /// Returns the rule.
    #[must_use]
    pub fn rule(self) -> &'static Rule {
        RULES[self as usize]
    }
}

/// Returns the rule with this name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Rule> {
    RULES.into_iter().find(|rule| rule.name == name)
}

/// Returns the rules of the audit: all but those about the host.
pub fn of_programs() -> impl Iterator<Item = &'static Rule> {
    RULES
        .into_iter()
        .filter(|rule| rule.subject != Subject::Host)
}

/// Returns the verdicts about the host.
pub fn of_hosts() -> impl Iterator<Item = &'static Rule> {
    RULES
        .into_iter()
        .filter(|rule| rule.subject == Subject::Host)
}

/// Returns the findings about one object, in the order of [`RULES`].
pub fn check(report: &ObjectReport) -> impl Iterator<Item = Finding> {
    RULES.into_iter().filter_map(|rule| {
        let message = rule.check?(report)?;
        Some(Finding {
            rule,
            message: message.text,
            detail: message.detail,
        })
    })
}
