//! Which findings a report is about.

use tls_model::rules::RuleId;

use super::{Baseline, FindingRow};

/// Which findings a report is about: without anything, all of them.
///
/// ```
/// use rseqctl::report::Filter;
///
/// let mut filter = Filter::default();
/// filter.only = vec![tls_model::rules::RuleId::RefusedClient];
/// assert!(filter.is_narrowed());
/// ```
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Filter {
    /// The rules whose findings are reported; where there are none, those of all
    /// rules.
    pub only: Vec<RuleId>,
    /// The rules whose findings are left out.
    pub ignored: Vec<RuleId>,
    /// Findings that are reported as known, and do not count.
    pub baseline: Baseline,
}

impl Filter {
    /// Returns a filter with nothing but a baseline.
    #[must_use]
    pub fn known(baseline: Baseline) -> Self {
        Self {
            baseline,
            ..Self::default()
        }
    }

    /// Returns whether only the findings of some rules are asked for.
    #[must_use]
    pub fn is_narrowed(&self) -> bool {
        !self.only.is_empty()
    }

    /// Takes out what the report is not about, and marks what is known of the object
    /// or program at `path`.
    pub(crate) fn apply(&self, path: &str, findings: &mut Vec<FindingRow>) {
        findings.retain(|finding| self.has(finding.rule.id));
        if !self.baseline.is_empty() {
            for finding in findings {
                finding.known = self.baseline.has(path, finding.rule.name);
            }
        }
    }

    fn has(&self, rule: RuleId) -> bool {
        let is_wanted = self.only.is_empty() || self.only.contains(&rule);
        is_wanted && !self.ignored.contains(&rule)
    }
}
