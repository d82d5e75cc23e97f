//! Every rule, with its words.

use super::{Level, Rule, checks};

/// Two objects of one program define the symbol; for who looks at programs.
pub static SECOND_DEFINER: &Rule = named("second-definer");

/// A definer is loaded by `dlopen`; for who looks at programs.
pub static DLOPENED_DEFINER: &Rule = named("dlopened-definer");

/// A running process's threads are registered to another area than an object's
/// own; for who looks at processes.
pub static REFUSED_CLIENT: &Rule = named("refused-client");

/// Some threads of a running process are registered, and some are not; for who
/// looks at processes.
pub static UNREGISTERED_THREAD: &Rule = named("unregistered-thread");

/// The rule with this name; there is one, or this does not compile.
const fn named(name: &str) -> &'static Rule {
    let mut index = 0;
    while index < RULES.len() {
        if is_same(RULES[index].name.as_bytes(), name.as_bytes()) {
            return &RULES[index];
        }
        index += 1;
    }
    panic!("no rule of this name")
}

const fn is_same(one: &[u8], other: &[u8]) -> bool {
    let mut index = 0;
    while index < one.len() && index < other.len() {
        if one[index] != other[index] {
            return false;
        }
        index += 1;
    }
    one.len() == other.len()
}

/// Every rule, errors first.
pub static RULES: [Rule; 20] = [
    Rule {
        name: "unloadable-definer",
        level: Level::Error,
        explanation: "The kernel keeps the address of each registered area and writes to it \
            when the thread returns from an interruption (always, or since Linux 6.19 where the \
            thread has moved to another processor). A library that defines __rseq_abi and can \
            be unloaded takes the memory of every thread's area with it: the next write kills the \
            thread or, where the memory has been used again, damages somebody else's data. Link \
            with -Wl,-z,nodelete.",
        source: "rseq(2), NOTES; lifetime of TLS blocks in dlclose(3); ELF gABI, DF_1_NODELETE",
        check: checks::unloadable_definer,
    },
    Rule {
        name: "small-definer",
        level: Level::Error,
        explanation: "The kernel refuses (EINVAL) a registration below 32 bytes or of an area \
            that is not aligned to 32. A definition of __rseq_abi that is smaller, or that its \
            object does not align, cannot be registered by whoever owns the registration, or the \
            kernel would write past its end. Define it with the type struct rseq of linux/rseq.h.",
        source: "Linux, kernel/rseq.c, sys_rseq; include/uapi/linux/rseq.h, struct rseq",
        check: checks::small_definer,
    },
    Rule {
        name: "second-definer",
        level: Level::Error,
        explanation: "A thread has one registration. Where two objects of one program define \
            __rseq_abi and cannot see each other's definition, both try to register an area \
            of their own: the second is refused (EINVAL), and its code stays on its slow path \
            or takes the refusal for fatal. Export one definition and let the \
            others refer to it.",
        source: "Linux, kernel/rseq.c, sys_rseq; ELF gABI, symbol resolution",
        check: checks::of_programs,
    },
    Rule {
        name: "critical-section-descriptor",
        level: Level::Error,
        explanation: "The kernel reads the descriptor (struct rseq_cs) when it interrupts a critical \
            section. Up to Linux 6.18 a version other than 0 is answered with SIGSEGV. Flags \
            once asked not to restart on some events; from Linux 6.1 to 6.18 any flag is \
            SIGSEGV, too. Since 6.19 the kernel looks at both only with rseq debugging \
            switched on, and then kills as before. Leave both 0.",
        source: "Linux, kernel/rseq.c (commit 0190e4198e47 for the flags) and \
            include/linux/rseq_entry.h, rseq_update_user_cs",
        check: checks::descriptor,
    },
    Rule {
        name: "critical-section-range",
        level: Level::Error,
        explanation: "A critical section is the code from start_ip on, post_commit_offset bytes long. \
            The kernel compares the interrupted address with this range and with nothing \
            else: an empty range, or one that is not the code, never matches, and the code \
            that was meant runs without protection. A range that wraps around is SIGSEGV up to \
            Linux 6.18, and later with rseq debugging switched on.",
        source: "Linux, kernel/rseq.c and include/linux/rseq_entry.h, rseq_update_user_cs",
        check: checks::range,
    },
    Rule {
        name: "abort-handler-inside",
        level: Level::Error,
        explanation: "The abort handler runs after the kernel has taken the critical section away. If \
            it stands inside the section, the section goes on from its middle without \
            protection. The kernel answers such a descriptor with SIGSEGV up to Linux 6.18, \
            and later with rseq debugging switched on; otherwise it does not look.",
        source: "Linux, kernel/rseq.c and include/linux/rseq_entry.h, rseq_update_user_cs",
        check: checks::abort_inside,
    },
    Rule {
        name: "abort-signature",
        level: Level::Error,
        explanation: "The four bytes before an abort handler have to be the signature that was given \
            at registration, so that an attacker who can write data cannot send threads \
            anywhere. Every kernel answers another value there with SIGSEGV. The value of the \
            registering libc (0x53053053 on x86, 0xd428bc00 on AArch64) is the only one that \
            all users of one registration can share.",
        source: "Linux, kernel/rseq.c and include/linux/rseq_entry.h, rseq_update_user_cs; \
            glibc, bits/rseq.h, RSEQ_SIG",
        check: checks::signature,
    },
    Rule {
        name: "critical-section-syscall",
        level: Level::Error,
        explanation: "A critical section must not make system calls: the kernel may deliver a signal \
            or move the thread on the way out, and by then the section's effects are in the \
            kernel and cannot be taken back. Kernels built or started with rseq debugging \
            answer with SIGSEGV.",
        source: "Linux, kernel/rseq.c, rseq_syscall (CONFIG_DEBUG_RSEQ; rseq_debug since 6.19)",
        check: checks::system_call,
    },
    Rule {
        name: "critical-section-call",
        level: Level::Error,
        explanation: "While a called function runs, the thread is outside the range of the critical \
            section. If it is interrupted there, the kernel clears the pointer to the \
            section, and the rest of it runs after the return without protection. Direct \
            calls that leave the range are proved; indirect calls are likely to leave it. \
            Inline the function.",
        source: "Linux, kernel/rseq.c; librseq, doc and include/rseq/pseudocode.h",
        check: checks::call,
    },
    Rule {
        name: "hidden-definer",
        level: Level::Warning,
        explanation: "One registration per thread is all that the kernel gives. An object with an \
            __rseq_abi of its own that the dynamic linker cannot see has to register it itself. \
            Where the libc has registered its own area first (glibc 2.35 and later), that fails \
            with EINVAL in every thread and the code stays on its slow path, in silence. Not one \
            that asks for __rseq_offset first, as librseq does: it takes the libc's. `rseqctl run` \
            starts the program so that its registration succeeds.",
        source: "rseq(2), EINVAL; glibc manual, tunable glibc.pthread.rseq; google/tcmalloc \
            issue 144",
        check: checks::hidden_definer,
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
        check: checks::not_initial_exec,
    },
    Rule {
        name: "static-tls-surplus",
        level: Level::Warning,
        explanation: "A library that uses the initial-exec model has its thread-local storage in the \
            static TLS block, whose size is fixed when the program starts. For libraries \
            that come later, by dlopen, glibc keeps 1664 bytes for all of them together \
            (padding may add some tens). A library that needs more cannot be loaded so: \
            \"cannot allocate memory in static TLS block\". Link programs with it, preload it, \
            or set the tunable.",
        source: "glibc, elf/dl-tls.c; glibc manual, tunable glibc.rtld.optional_static_tls; \
            librseq issue 22",
        check: checks::static_tls_surplus,
    },
    Rule {
        name: "dlopened-definer",
        level: Level::Warning,
        explanation: "A library that dlopen brings with RTLD_LOCAL is in no global scope: its \
            __rseq_abi is the area of its own users and of nobody else, and it comes after \
            threads have started. Link the program with the library, or preload it, so that \
            its definition is the one that everybody finds.",
        source: "dlopen(3), RTLD_LOCAL; ELF gABI, symbol resolution",
        check: checks::of_programs,
    },
    Rule {
        name: "refused-client",
        level: Level::Warning,
        explanation: "A thread has one registration. In this running process an object has an \
            __rseq_abi of its own, and the kernel holds another area for its threads: as a rule \
            that of the libc, which registers each thread before any other code runs (glibc 2.35 \
            and later). The object's own registration was refused with EINVAL, and its code is on \
            its slow path, in silence: TCMalloc's per-CPU caches are off. That cannot be changed \
            while the process runs. Start it again with `rseqctl run`, or set \
            GLIBC_TUNABLES=glibc.pthread.rseq=0 for it.",
        source: "rseq(2), EINVAL; google/tcmalloc issue 144; glibc manual, tunable \
            glibc.pthread.rseq",
        check: checks::of_programs,
    },
    Rule {
        name: "read-only-store",
        level: Level::Warning,
        explanation: "cpu_id_start, cpu_id, node_id and mm_cid belong to the kernel. Under a \
            registration longer than 32 bytes, Linux 7.0.10 and later write them only when \
            they change, compare them, and kill the process with SIGSEGV when they are not \
            what was written. Under a registration of exactly 32 bytes the kernel writes \
            them again after each interruption, which TCMalloc counts on; Linux 6.19 to \
            7.0.9 do so for no length. In a critical section the store is proved where its \
            address is the thread pointer and a constant; elsewhere the code before it was \
            followed (over jumps and calls on x86-64, elsewhere in a straight line), so it is \
            likely.",
        source: "Linux, Documentation/userspace-api/rseq.rst; google/tcmalloc issue 292",
        check: checks::read_only_store,
    },
    Rule {
        name: "repeated-commit",
        level: Level::Warning,
        explanation: "A critical section is restarted from its beginning when it is aborted, at any \
            instruction but behind the last. What it has changed for others by then happens \
            again. So its only store that others can see is its last instruction; stores \
            before it are good only to places that nobody reads yet. A section that stores \
            and then goes on, or that changes a value in memory in place before its end, is \
            likely to commit twice.",
        source: "Linux, kernel/rseq.c, the algorithm in its first comment; librseq, \
            include/rseq/pseudocode.h",
        check: checks::second_store,
    },
    Rule {
        name: "exported-definer",
        level: Level::Note,
        explanation: "The first __rseq_abi in the global scope is the area of the whole process. \
            An object that exports one adopts that role: whoever registers threads registers this \
            definition, with the length that its symbol has.",
        source: "ELF gABI, symbol resolution; ld.so(8)",
        check: checks::exported_definer,
    },
    Rule {
        name: "asked-by-name",
        level: Level::Note,
        explanation: "The name of an rseq symbol stands in the object's constants, no symbol of that \
            name is in its tables, and it can call dlsym. Programs that have to start on \
            older libcs look __rseq_offset up so. It is no reference that a linker sees: an \
            audit by symbols misses it.",
        source: "dlsym(3); glibc manual, Restartable Sequences",
        check: checks::asked_by_name,
    },
    Rule {
        name: "undecoded-critical-section",
        level: Level::Note,
        explanation: "A critical section was decoded from its first byte, and some bytes on the way \
            are no instructions that the decoder knows; or there is no decoder for the machine \
            (there are two, for x86-64 and AArch64). What was not looked at may break other \
            rules.",
        source: "the decoders' documentation (iced-x86, yaxpeax-arm)",
        check: checks::undecoded,
    },
    Rule {
        name: "unregistered-thread",
        level: Level::Note,
        explanation: "Some threads of this running process are registered and some are not. Where \
            a thread is not, code that uses rseq takes its slow path, and sched_getcpu is a \
            system call. Threads made by clone(2) itself and children of vfork(2) lose the \
            registration; clients that register a thread when it first asks have not met the \
            others yet.",
        source: "rseq(2), NOTES; clone(2)",
        check: checks::of_programs,
    },
];
