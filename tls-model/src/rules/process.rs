//! The rules about running processes.

use super::id::RuleId;
use super::rule::{Level, Rule, Subject};

/// An object's own registration was refused.
pub static REFUSED_CLIENT: Rule = Rule {
    id: RuleId::RefusedClient,
    subject: Subject::Process,
    name: RuleId::RefusedClient.name(),
    level: Level::Warning,
    title: "an object's own registration was refused",
    explanation: "A thread has one registration. In this running process an object has an \
        __rseq_abi of its own, and the kernel holds another area for its threads: as a rule \
        that of the libc, which registers each thread before any other code runs (glibc 2.35 \
        and later). The object's own registration was refused with EINVAL, and its code is on \
        its slow path, in silence: TCMalloc's per-CPU caches are off. That cannot be changed \
        while the process runs. Start it again with `rseqctl run`, or set \
        GLIBC_TUNABLES=glibc.pthread.rseq=0 for it.",
    source: "rseq(2), EINVAL; google/tcmalloc issue 144; glibc manual, tunable \
        glibc.pthread.rseq",
    check: None,
};

/// Some threads have no registration.
pub static UNREGISTERED_THREAD: Rule = Rule {
    id: RuleId::UnregisteredThread,
    subject: Subject::Process,
    name: RuleId::UnregisteredThread.name(),
    level: Level::Note,
    title: "some threads have no registration",
    explanation: "Some threads of this running process are registered and some are not. Where \
        a thread is not, code that uses rseq takes its slow path, and sched_getcpu is a \
        system call. Threads made by clone(2) itself and children of vfork(2) lose the \
        registration; clients that register a thread when it first asks have not met the \
        others yet.",
    source: "rseq(2), NOTES; clone(2)",
    check: None,
};
