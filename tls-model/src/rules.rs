//! The rules: pure functions from the facts about one object to findings.
//!
//! A rule's name is stable: reports, baselines and `explain` refer to it.

use crate::facts::{Evidence, Facts, Kind, TlsModel};
use crate::rseq::{ORIGINAL_ALIGN, ORIGINAL_LENGTH};

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
    /// The message of a finding, if the facts break the rule.
    check: fn(&Facts) -> Option<&'static str>,
}

/// One finding: a rule and what it has to say about an object.
#[derive(Clone, Copy, Debug)]
pub struct Finding {
    /// The rule.
    pub rule: &'static Rule,
    /// What was found and what to do, as a lower-case fragment.
    pub message: &'static str,
}

/// The findings about one object, in the order of [`RULES`].
pub fn check(facts: &Facts) -> impl Iterator<Item = Finding> {
    RULES
        .iter()
        .filter_map(|rule| (rule.check)(facts).map(|message| Finding { rule, message }))
}

/// The rule with this name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Rule> {
    RULES.iter().find(|rule| rule.name == name)
}

/// Every rule, errors first.
pub static RULES: [Rule; 5] = [
    Rule {
        name: "unloadable-definer",
        level: Level::Error,
        explanation: "The kernel keeps the address of each registered area and writes to it \
            whenever the thread returns to user space. A library that defines __rseq_abi and can \
            be unloaded takes the memory of every thread's area with it: the next write kills the \
            thread or, where the memory has been used again, damages somebody else's data. Link \
            with -Wl,-z,nodelete.",
        source: "rseq(2), NOTES; lifetime of TLS blocks in dlclose(3); ELF gABI, DF_1_NODELETE",
        check: unloadable_definer,
    },
    Rule {
        name: "small-definer",
        level: Level::Error,
        explanation: "The kernel refuses (EINVAL) a registration below 32 bytes or of an area \
            that is not aligned to 32. A definition of __rseq_abi that is smaller, or that its \
            object does not align, cannot be registered by whoever owns the registration, or the \
            kernel would write past its end. Define it with the type struct rseq of linux/rseq.h.",
        source: "Linux, kernel/rseq.c, sys_rseq; include/uapi/linux/rseq.h, struct rseq",
        check: small_definer,
    },
    Rule {
        name: "hidden-definer",
        level: Level::Warning,
        explanation: "One registration per thread is all that the kernel gives. An object with an \
            __rseq_abi of its own that the dynamic linker cannot see has to register it itself. \
            Where the libc has registered its own area first (glibc 2.35 and later), that fails \
            with EINVAL in every thread and the code stays on its slow path, in silence. \
            `rseqctl run` starts the program so that its registration succeeds.",
        source: "rseq(2), EINVAL; glibc manual, tunable glibc.pthread.rseq; google/tcmalloc \
            issue 144",
        check: hidden_definer,
    },
    Rule {
        name: "not-initial-exec",
        level: Level::Warning,
        explanation: "Outside the initial-exec and local-exec models an access to a thread-local \
            variable may call into the dynamic linker, which may allocate memory: not in a signal \
            handler, not in a critical section, not before the libc is ready. All users of \
            __rseq_abi have to use the initial-exec model. Declare it with \
            __attribute__((tls_model(\"initial-exec\"))).",
        source: "ELF Handling For Thread-Local Storage (Drepper), section 4; librseq \
            include/rseq/abi.h",
        check: not_initial_exec,
    },
    Rule {
        name: "exported-definer",
        level: Level::Note,
        explanation: "The first __rseq_abi in the global scope is the area of the whole process. \
            An object that exports one adopts that role: whoever registers threads registers this \
            definition, with the length that its symbol has.",
        source: "ELF gABI, symbol resolution; ld.so(8)",
        check: exported_definer,
    },
];

fn unloadable_definer(facts: &Facts) -> Option<&'static str> {
    let breaks = facts.kind == Kind::Shared
        && !facts.flags.nodelete
        && facts.exported_definition().is_some();
    breaks.then_some(
        "exports __rseq_abi and can be unloaded with the threads' areas in it; \
         link it with -Wl,-z,nodelete",
    )
}

fn small_definer(facts: &Facts) -> Option<&'static str> {
    if !facts.is_linked() {
        return None;
    }
    let definition = facts.definition()?;
    if definition.size < u64::from(ORIGINAL_LENGTH) {
        return Some(
            "defines __rseq_abi with less than 32 bytes, which no kernel registers; \
             define it as struct rseq",
        );
    }
    let align = u64::from(ORIGINAL_ALIGN);
    let aligned =
        facts.tls.is_some_and(|tls| tls.align >= align) && definition.value.is_multiple_of(align);
    (!aligned).then_some(
        "defines __rseq_abi without the alignment of 32 bytes that the kernel demands; \
         define it as struct rseq",
    )
}

fn hidden_definer(facts: &Facts) -> Option<&'static str> {
    match facts.hidden_definition_evidence()? {
        Evidence::Proved => Some(
            "defines __rseq_abi without exporting it: its own registration fails (EINVAL) where \
             the libc has registered first, and it stays on its slow path; start it with rseqctl \
             run",
        ),
        Evidence::Likely => Some(
            "probably defines __rseq_abi without exporting it (it is stripped and has critical \
             sections): its own registration fails (EINVAL) where the libc has registered first, \
             and it stays on its slow path; start it with rseqctl run",
        ),
    }
}

fn not_initial_exec(facts: &Facts) -> Option<&'static str> {
    let breaks = matches!(
        facts.tls_model?,
        TlsModel::GeneralDynamic | TlsModel::LocalDynamic | TlsModel::Tlsdesc
    );
    breaks.then_some(
        "gets at __rseq_abi through the dynamic linker, which is not safe in signal handlers \
         and critical sections; declare it with tls_model(\"initial-exec\")",
    )
}

fn exported_definer(facts: &Facts) -> Option<&'static str> {
    let exports = facts.is_linked() && facts.exported_definition().is_some();
    exports.then_some("exports __rseq_abi: where it comes first, it is the area of the process")
}
