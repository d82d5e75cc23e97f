//! What a rule has to say.

use core::fmt;

use crate::critical::{Offence, Place};
use crate::facts::{Evidence, ModelEvidence};
use crate::report::ObjectReport;

use super::{RULES, Rule};

/// What a finding says.
#[derive(Clone, Copy, Debug)]
pub(super) struct Message {
    pub(super) text: &'static str,
    pub(super) detail: Detail,
}

impl From<&'static str> for Message {
    fn from(text: &'static str) -> Self {
        Self {
            text,
            detail: Detail::None,
        }
    }
}

/// The numbers of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detail {
    /// None.
    None,
    /// Places in critical sections or other code.
    Offence(Offence),
    /// How it is known how the object gets at `__rseq_abi`.
    Access(ModelEvidence),
    /// Static TLS, in bytes.
    StaticTls {
        /// What the object needs, padding for its alignment included.
        needs: u64,
        /// The value for the tunable `glibc.rtld.optional_static_tls` with
        /// which glibc grants it.
        tunable: u64,
    },
}

/// One finding: a rule and what it has to say about an object. Its `Display` is
/// the whole message.
#[derive(Clone, Copy, Debug)]
pub struct Finding {
    /// The rule.
    pub rule: &'static Rule,
    /// What was found and what to do, as a lower-case fragment.
    pub message: &'static str,
    /// Its numbers.
    pub detail: Detail,
}

impl Finding {
    /// Returns a finding about something else than one object.
    #[must_use]
    pub const fn new(rule: &'static Rule, message: &'static str) -> Self {
        Self {
            rule,
            message,
            detail: Detail::None,
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message)?;
        match self.detail {
            Detail::None => Ok(()),
            Detail::Access(evidence) => write!(f, " ({})", evidence.name()),
            Detail::StaticTls { needs, tunable } => write!(
                f,
                " ({needs} bytes needed; GLIBC_TUNABLES=glibc.rtld.optional_static_tls={tunable} \
                 grants them)"
            ),
            Detail::Offence(Offence {
                count,
                first,
                evidence,
            }) => {
                let sure = match evidence {
                    Evidence::Proved => "proved",
                    Evidence::Likely => "likely",
                };
                let Place { section, address } = first;
                write!(f, " ({sure}; {count} found, the first at {address:#x}")?;
                if section != 0 {
                    write!(f, " of section {section}")?;
                }
                f.write_str(")")
            }
        }
    }
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
