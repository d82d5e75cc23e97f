//! The rules: pure functions from the facts about one object to findings.
//!
//! A rule's name is stable: reports, baselines and `explain` refer to it. What
//! only a whole program shows has its rule here, too; who looks at the program
//! makes the finding with [`Finding::new`].

mod checks;
mod program;
mod table;

use core::fmt;

use crate::critical::{Offence, Place};
use crate::facts::{Evidence, Facts, ModelEvidence};

pub use checks::{OPTIONAL_STATIC_TLS, STATIC_TLS_SURPLUS, static_tls_by_dlopen, static_tls_need};
pub use program::keeps_its_own_area;
pub use table::{DLOPENED_DEFINER, REFUSED_CLIENT, RULES, SECOND_DEFINER, UNREGISTERED_THREAD};

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
    /// The word used in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// One rule.
#[derive(Debug)]
pub struct Rule {
    /// Its stable name.
    pub name: &'static str,
    /// The level of its findings.
    pub level: Level,
    /// What it is about and why it matters, in one paragraph.
    pub explanation: &'static str,
    /// Where that is written down.
    pub source: &'static str,
    /// The finding's words, if the facts break the rule; none for rules about
    /// whole programs.
    check: fn(&Facts) -> Option<Message>,
}

/// What a finding says.
#[derive(Clone, Copy, Debug)]
struct Message {
    text: &'static str,
    detail: Detail,
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
    /// A finding about a whole program.
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

/// The findings about one object, in the order of [`RULES`].
pub fn check(facts: &Facts) -> impl Iterator<Item = Finding> {
    RULES.iter().filter_map(|rule| {
        let message = (rule.check)(facts)?;
        Some(Finding {
            rule,
            message: message.text,
            detail: message.detail,
        })
    })
}

/// The rule with this name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Rule> {
    RULES.iter().find(|rule| rule.name == name)
}
