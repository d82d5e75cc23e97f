//! The registry of rules, and the findings that they make.
//!
//! A rule's name is stable: reports, baselines and `explain` refer to it. In
//! code it goes by its [`RuleId`]. What one object shows is checked by
//! [`check`]; what only a whole program shows, by [`Definers`] and
//! [`dlopened_definer`]; what a process, a load or the host shows, by whoever
//! looks at these, with the rules of this registry.

mod checks;
mod finding;
pub mod host;
pub mod load;
pub mod object;
pub mod process;
pub mod program;

use crate::report::ObjectReport;

use finding::Message;
pub use finding::{Detail, Finding, check};
pub use program::{Definers, dlopened_definer};

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
    /// What it goes by in code.
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
    check: Option<fn(&ObjectReport) -> Option<Message>>,
}

macro_rules! registry {
    ($($id:ident => $module:ident::$rule:ident,)*) => {
        /// What a rule goes by in code.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum RuleId {
            $(#[doc = concat!("[`", stringify!($module), "::", stringify!($rule), "`]")] $id,)*
        }

        /// Every rule: those about objects, programs, processes and loads, then
        /// the verdicts about the host; errors first in each part.
        pub static RULES: [&Rule; [$(stringify!($id)),*].len()] = [$(&$module::$rule),*];
    };
}

registry! {
    UnloadableDefiner => object::UNLOADABLE_DEFINER,
    SmallDefiner => object::SMALL_DEFINER,
    SecondDefiner => program::SECOND_DEFINER,
    CriticalSectionDescriptor => object::CRITICAL_SECTION_DESCRIPTOR,
    CriticalSectionRange => object::CRITICAL_SECTION_RANGE,
    AbortHandlerInside => object::ABORT_HANDLER_INSIDE,
    AbortSignature => object::ABORT_SIGNATURE,
    CriticalSectionSyscall => object::CRITICAL_SECTION_SYSCALL,
    CriticalSectionCall => object::CRITICAL_SECTION_CALL,
    HiddenDefiner => object::HIDDEN_DEFINER,
    DefinerBindsToItself => object::DEFINER_BINDS_TO_ITSELF,
    NotInitialExec => object::NOT_INITIAL_EXEC,
    StaticTlsSurplus => object::STATIC_TLS_SURPLUS,
    DlopenedDefiner => program::DLOPENED_DEFINER,
    RefusedClient => process::REFUSED_CLIENT,
    ReadOnlyStore => object::READ_ONLY_STORE,
    RepeatedCommit => object::REPEATED_COMMIT,
    DefinerInAnotherNamespace => load::DEFINER_IN_ANOTHER_NAMESPACE,
    DefinerWithDeepbind => load::DEFINER_WITH_DEEPBIND,
    DefinerNotPromoted => load::DEFINER_NOT_PROMOTED,
    ExportedDefiner => object::EXPORTED_DEFINER,
    AskedByName => object::ASKED_BY_NAME,
    UndecodedCriticalSection => object::UNDECODED_CRITICAL_SECTION,
    UnregisteredThread => process::UNREGISTERED_THREAD,
    CpuIdStartKept => host::CPU_ID_START_KEPT,
    CriticalSectionsDoNotAbort => host::NO_ABORT,
    CpuIdStartKills => host::CPU_ID_START_KILLS,
    RseqMissing => host::RSEQ_MISSING,
    RseqDenied => host::RSEQ_DENIED,
    RegistrationRefused => host::REGISTRATION_REFUSED,
    UnexpectedAnswers => host::UNEXPECTED_ANSWERS,
    LibcSwitchedOff => host::LIBC_SWITCHED_OFF,
    PreloadFileBroken => host::PRELOAD_FILE_BROKEN,
    SecureExecution => host::SECURE_EXECUTION,
    SelfTestIncomplete => host::SELF_TEST_INCOMPLETE,
    LibcRegisters => host::LIBC_REGISTERS,
    LibcOwnsSymbol => host::LIBC_OWNS_SYMBOL,
    LibcDoesNotRegister => host::LIBC_DOES_NOT_REGISTER,
    StrictAbove32 => host::STRICT_ABOVE_32,
    NoFeatureSize => host::NO_FEATURE_SIZE,
    ShimForAll => host::SHIM_FOR_ALL,
    SmallSurplus => host::SMALL_SURPLUS,
}

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
