//! The verdicts about a host: its kernel, its libc, its settings.

use super::id::RuleId;
use super::rule::{Level, Rule, Subject};

/// `cpu_id_start` stays as user space has left it.
pub static CPU_ID_START_KEPT: Rule = Rule {
    id: RuleId::CpuIdStartKept,
    subject: Subject::Host,
    name: RuleId::CpuIdStartKept.name(),
    level: Level::Error,
    title: "TCMalloc before its fix corrupts memory on this kernel",
    explanation: "TCMalloc keeps half of a pointer to its per-CPU cache in cpu_id_start and \
        counts on the kernel to overwrite it when the thread was interrupted. This kernel does \
        not, not even for registrations of 32 bytes: two threads then use the cache of one \
        processor, and malloc gives the same memory out twice. Programs with such a TCMalloc \
        (MongoDB 8, YugabyteDB and others) must not be granted their own registration here: \
        leave it to the libc (GLIBC_TUNABLES=glibc.pthread.rseq=1, or no such tunable), which \
        makes them slower and right, or boot another kernel. `rseqctl run` refuses to start \
        them with their caches on.",
    source: "google/tcmalloc issue 292; Linux, Documentation/userspace-api/rseq.rst; \
        Linux 6.19 to 7.0.9 behave so",
    check: None,
};

/// Critical sections go on where they were interrupted.
pub static NO_ABORT: Rule = Rule {
    id: RuleId::CriticalSectionsDoNotAbort,
    subject: Subject::Host,
    name: RuleId::CriticalSectionsDoNotAbort.name(),
    level: Level::Error,
    title: "critical sections do not abort on this kernel",
    explanation: "A restartable sequence is only that if the kernel sends an interrupted thread \
        to the abort handler. This one lets it go on, so that every program that uses critical \
        sections (TCMalloc, librseq, jemalloc with rseq) loses updates or corrupts memory \
        once it is registered, whoever does that. Boot another kernel. Until then leave the \
        registration to the libc: a program with an area of its own is refused then, and stays \
        on its slow path. One that takes the libc's area, as librseq does, is not.",
    source: "rseq(2); Linux 6.19 to 7.0 on arm64 behave so",
    check: None,
};

/// A changed `cpu_id_start` is SIGSEGV even for 32 bytes.
pub static CPU_ID_START_KILLS: Rule = Rule {
    id: RuleId::CpuIdStartKills,
    subject: Subject::Host,
    name: RuleId::CpuIdStartKills.name(),
    level: Level::Error,
    title: "TCMalloc before its fix is killed on this kernel",
    explanation: "cpu_id_start belongs to the kernel, and this one kills threads that have \
        changed it, even under a registration of 32 bytes. TCMalloc before its fix does so. \
        The kernel was started with rseq_debug=1, or built for debugging. Start it without, or \
        leave the registration to the libc.",
    source: "Linux, Documentation/admin-guide/kernel-parameters.txt, rseq_debug",
    check: None,
};

/// No such system call.
pub static RSEQ_MISSING: Rule = Rule {
    id: RuleId::RseqMissing,
    subject: Subject::Host,
    name: RuleId::RseqMissing.name(),
    level: Level::Warning,
    title: "this kernel has no rseq",
    explanation: "sys_rseq answers ENOSYS: the kernel is older than 4.18 or built without \
        CONFIG_RSEQ, or something answers in its place (gVisor, user-mode emulation, a \
        filter that was set from outside). Programs run, on their slow paths; nothing that \
        this project offers changes that.",
    source: "rseq(2), ENOSYS",
    check: None,
};

/// The system call is denied.
pub static RSEQ_DENIED: Rule = Rule {
    id: RuleId::RseqDenied,
    subject: Subject::Host,
    name: RuleId::RseqDenied.name(),
    level: Level::Warning,
    title: "rseq is denied here (seccomp)",
    explanation: "A seccomp filter refuses sys_rseq. Programs run on their slow paths; but a \
        glibc whose registration succeeded before the filter was set ends the process when \
        that of a later thread fails (\"Fatal glibc error: rseq registration failed\"). Allow \
        rseq in the filter: Docker has done so since 20.10, systemd's SystemCallFilter has it \
        in @default and @system-service.",
    source: "seccomp(2); golang/go issue 51315; rseq(2), EPERM",
    check: None,
};

/// The kernel refuses a registration that it should grant.
pub static REGISTRATION_REFUSED: Rule = Rule {
    id: RuleId::RegistrationRefused,
    subject: Subject::Host,
    name: RuleId::RegistrationRefused.name(),
    level: Level::Warning,
    title: "this kernel refuses a registration that it should grant",
    explanation: "An area of the right length and alignment was refused. Whoever registers \
        here stays on the slow path. The errno says why; report it together with the kernel's \
        release.",
    source: "rseq(2), ERRORS",
    check: None,
};

/// The kernel answers wrong calls otherwise than the manual says.
pub static UNEXPECTED_ANSWERS: Rule = Rule {
    id: RuleId::UnexpectedAnswers,
    subject: Subject::Host,
    name: RuleId::UnexpectedAnswers.name(),
    level: Level::Warning,
    title: "this kernel answers wrong calls in its own way",
    explanation: "Owners tell from the kernel's refusals who else has registered: EBUSY for \
        the same area, EINVAL for another one, EPERM for another signature. Where the \
        answers differ, their conclusions may be wrong. Report it together with the kernel's \
        release.",
    source: "rseq(2), ERRORS",
    check: None,
};

/// `glibc.pthread.rseq=0` is in the environment.
pub static LIBC_SWITCHED_OFF: Rule = Rule {
    id: RuleId::LibcSwitchedOff,
    subject: Subject::Host,
    name: RuleId::LibcSwitchedOff.name(),
    level: Level::Warning,
    title: "glibc's registration is switched off for everything that is started here",
    explanation: "GLIBC_TUNABLES says glibc.pthread.rseq=0, and every program inherits that: \
        those that bring their own area get it, all others have none, and sched_getcpu is \
        slower in them. Set it for the programs that need it: `rseqctl run` does that by \
        itself.",
    source: "glibc manual, Memory-related and Thread tunables; docker-library/mongo issue 723",
    check: None,
};

/// /etc/ld.so.preload names what is not there.
pub static PRELOAD_FILE_BROKEN: Rule = Rule {
    id: RuleId::PreloadFileBroken,
    subject: Subject::Host,
    name: RuleId::PreloadFileBroken.name(),
    level: Level::Warning,
    title: "/etc/ld.so.preload names a library that is not there",
    explanation: "Every program that is started prints a complaint and goes on without the \
        library. Put the library back, or take its line out of the file.",
    source: "ld.so(8), FILES",
    check: None,
};

/// rseqctl was started under AT_SECURE.
pub static SECURE_EXECUTION: Rule = Rule {
    id: RuleId::SecureExecution,
    subject: Subject::Host,
    name: RuleId::SecureExecution.name(),
    level: Level::Warning,
    title: "rseqctl was started with privileges that its caller does not have",
    explanation: "In such a process (AT_SECURE) the dynamic linker ignores GLIBC_TUNABLES and \
        the paths in LD_PRELOAD. What is said here about the libc holds for such processes \
        only; start rseqctl without set-id bits and file capabilities.",
    source: "ld.so(8), Secure-execution mode; getauxval(3)",
    check: None,
};

/// The self-test has holes.
pub static SELF_TEST_INCOMPLETE: Rule = Rule {
    id: RuleId::SelfTestIncomplete,
    subject: Subject::Host,
    name: RuleId::SelfTestIncomplete.name(),
    level: Level::Warning,
    title: "not everything could be tested",
    explanation: "An experiment came to no result: its trigger was not seen in time (a busy or \
        emulated machine: try again with --seconds 10), the machine has one processor, or \
        something else has the registration. What was not seen is neither good nor bad.",
    source: "docs/doctor.md",
    check: None,
};

/// glibc registers an area of its own in every thread.
pub static LIBC_REGISTERS: Rule = Rule {
    id: RuleId::LibcRegisters,
    subject: Subject::Host,
    name: RuleId::LibcRegisters.name(),
    level: Level::Note,
    title: "glibc registers an area of its own in every thread",
    explanation: "Since 2.35 glibc registers before anybody else can. Programs that use its \
        area (through __rseq_offset) are served. Programs that bring an area of their own, as \
        TCMalloc does, are refused (EINVAL) and stay on their slow path silently: start \
        them with `rseqctl run -- PROGRAM`. `rseqctl audit --program PROGRAM` tells whether a \
        program is one of them.",
    source: "glibc manual, Restartable Sequences; google/tcmalloc issue 144",
    check: None,
};

/// glibc owns `__rseq_abi` and registers it in every thread.
pub static LIBC_OWNS_SYMBOL: Rule = Rule {
    id: RuleId::LibcOwnsSymbol,
    subject: Subject::Host,
    name: RuleId::LibcOwnsSymbol.name(),
    level: Level::Note,
    title: "glibc owns __rseq_abi and registers it in every thread",
    explanation: "This glibc has the patches of patches-glibc: it registers the first \
        definition of __rseq_abi in the program, or else its own. Programs that read \
        __rseq_offset are served, and so are those that export or refer to the symbol. One \
        that hides a definition (linked with TCMalloc on another glibc) is refused as \
        everywhere (EINVAL): start it with `rseqctl run -- PROGRAM`, or link it anew here.",
    source: "patches-glibc/README.md",
    check: None,
};

/// The libc does not register.
pub static LIBC_DOES_NOT_REGISTER: Rule = Rule {
    id: RuleId::LibcDoesNotRegister,
    subject: Subject::Host,
    name: RuleId::LibcDoesNotRegister.name(),
    level: Level::Note,
    title: "this libc registers nobody",
    explanation: "glibc before 2.35, and other libcs, leave the registration to the program. \
        Programs that bring an area of their own get it. Others have none, unless \
        `rseqctl run -- PROGRAM` starts them: then the shim registers every thread at its \
        birth and offers the area as __rseq_abi and __rseq_offset.",
    source: "glibc NEWS, 2.35",
    check: None,
};

/// The contract is enforced above 32 bytes.
pub static STRICT_ABOVE_32: Rule = Rule {
    id: RuleId::StrictAbove32,
    subject: Subject::Host,
    name: RuleId::StrictAbove32.name(),
    level: Level::Note,
    title: "above 32 bytes this kernel enforces its read-only fields",
    explanation: "Under a registration longer than 32 bytes a thread that has changed \
        cpu_id_start is killed (SIGSEGV) when it is moved to another processor. Under exactly \
        32 bytes the kernel behaves as before, which programs with TCMalloc need: their area \
        has that length, and whoever registers for them must not make it longer.",
    source: "Linux 7.0.10, Documentation/userspace-api/rseq.rst",
    check: None,
};

/// The kernel announces no feature size (before Linux 6.3).
pub static NO_FEATURE_SIZE: Rule = Rule {
    id: RuleId::NoFeatureSize,
    subject: Subject::Host,
    name: RuleId::NoFeatureSize.name(),
    level: Level::Note,
    title: "this kernel takes registrations of 32 bytes only",
    explanation: "It announces no feature size (before Linux 6.3), fills the first 20 bytes of \
        the area, and has neither node_id nor mm_cid. Libraries that ask for them fall back.",
    source: "getauxval(3), AT_RSEQ_FEATURE_SIZE",
    check: None,
};

/// The shim is preloaded into everything.
pub static SHIM_FOR_ALL: Rule = Rule {
    id: RuleId::ShimForAll,
    subject: Subject::Host,
    name: RuleId::ShimForAll.name(),
    level: Level::Note,
    title: "the shim is preloaded into every program of this host",
    explanation: "/etc/ld.so.preload lists it. rseqctl status says whether its file is whole, and \
        rseqctl disable takes it out; programs that run keep it until they end. Where programs \
        do not start any more, empty the file from a shell that is open, or use a statically \
        linked shell (busybox).",
    source: "ld.so(8), FILES; docs/launchers.md",
    check: None,
};

/// Less static TLS than by default.
pub static SMALL_SURPLUS: Rule = Rule {
    id: RuleId::SmallSurplus,
    subject: Subject::Host,
    name: RuleId::SmallSurplus.name(),
    level: Level::Note,
    title: "less static TLS than usual is kept for libraries that dlopen brings",
    explanation: "A tunable has made it smaller than glibc's 1664 bytes. Libraries that use the \
        initial-exec model, librseq among them, may fail to load: \"cannot allocate memory in \
        static TLS block\". Raise glibc.rtld.optional_static_tls, or let `rseqctl run \
        --may-load LIBRARY` do it for one program.",
    source: "glibc manual, Dynamic Linking Tunables; librseq issue 22",
    check: None,
};
