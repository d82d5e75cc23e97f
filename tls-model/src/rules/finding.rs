//! Findings.

use core::fmt;

use crate::critical::{Offence, Place};
use crate::facts::Evidence;

use super::message::Detail;
use super::rule::Rule;

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
    /// Returns a finding about something other than one object.
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
