//! What a rule says, in every report.

use schemars::JsonSchema;
use serde::Serialize;
use tls_model::rules::{Finding, Level, Rule};

use super::Word;

/// What a rule says.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "Finding")]
#[non_exhaustive]
pub struct FindingRow {
    /// The rule's stable name; `rseqctl explain` knows it.
    pub rule: Word<&'static Rule>,
    /// How much it matters.
    pub level: Word<Level>,
    /// The object that it is about; null where that is the row's own object, or the
    /// whole process.
    pub path: Option<String>,
    /// What was found and what to do.
    pub message: String,
    /// It is in the baseline and does not count; absent where it counts.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub known: bool,
}

impl FindingRow {
    /// Returns a finding of `rule`.
    #[must_use]
    pub fn new(rule: &'static Rule, path: Option<&str>, message: String) -> Self {
        Self {
            rule: Word(rule),
            level: Word(rule.level),
            path: path.map(str::to_owned),
            message,
            known: false,
        }
    }

    /// Returns what `finding` says of the object at `path`.
    #[must_use]
    pub fn of(finding: &Finding, path: Option<&str>) -> Self {
        Self::new(finding.rule, path, finding.to_string())
    }
}
