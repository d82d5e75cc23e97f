//! The rules about what a running program loads: kept, or reported, by the shim.

use super::id::RuleId;
use super::rule::{Level, Rule, Subject};

/// `dlopen` with `RTLD_DEEPBIND` brings a definer.
pub static DEFINER_WITH_DEEPBIND: Rule = Rule {
    id: RuleId::DefinerWithDeepbind,
    subject: Subject::Load,
    name: RuleId::DefinerWithDeepbind.name(),
    level: Level::Warning,
    title: "RTLD_DEEPBIND makes a library prefer its own __rseq_abi",
    explanation: "With RTLD_DEEPBIND a library looks a symbol up among its own definitions before \
        those of the program. If it defines __rseq_abi, its code uses that area, and not the one \
        that is registered for the thread: it runs on its slow path, or registers its own and is \
        refused (EINVAL). Load it without RTLD_DEEPBIND.",
    source: "dlopen(3), RTLD_DEEPBIND; rseq(2), EINVAL",
    check: None,
};

/// `dlopen` would leave a definer local, or let it be unloaded.
pub static DEFINER_NOT_PROMOTED: Rule = Rule {
    id: RuleId::DefinerNotPromoted,
    subject: Subject::Load,
    name: RuleId::DefinerNotPromoted.name(),
    level: Level::Warning,
    title: "a library with an __rseq_abi is loaded local, or can be unloaded",
    explanation: "A library that defines __rseq_abi has to stay as long as its threads, and what \
        comes after it has to find its definition. The shim therefore loads it with RTLD_GLOBAL \
        and RTLD_NODELETE. Where it is told only to warn (RSEQ_SHIM_LOADING=warn) it leaves the \
        call as it is and says so. Open the library with both flags.",
    source: "dlopen(3), RTLD_GLOBAL and RTLD_NODELETE; docs/loading.md",
    check: None,
};
