//! The rules about one object.

use super::checks;
use super::id::RuleId;
use super::rule::{Level, Rule, Subject};

/// A library that can be unloaded holds the threads' areas.
pub static UNLOADABLE_DEFINER: Rule = Rule {
    id: RuleId::UnloadableDefiner,
    subject: Subject::Object,
    name: RuleId::UnloadableDefiner.name(),
    level: Level::Error,
    title: "a library that can be unloaded holds the threads' areas",
    explanation: "The kernel keeps the address of each registered area and writes to it \
        when the thread returns from an interruption (always, or since Linux 6.19 where the \
        thread has moved to another processor). The area's place in static TLS stays mapped \
        when the library is closed, and is given to the one that is loaded next: the kernel \
        then writes into that one's variables. Where the area still names a critical section \
        of the library, whose memory is gone, the thread is killed (SIGSEGV) when it is next \
        interrupted. Link with -Wl,-z,nodelete. This is about definitions for others, which \
        an owner registers; of others speaks unloadable-client.",
    source: "rseq(2), NOTES; lifetime of TLS blocks in dlclose(3); ELF gABI, DF_1_NODELETE",
    check: Some(checks::unloadable_definer),
};

/// What it has registered itself goes with the library.
pub static UNLOADABLE_CLIENT: Rule = Rule {
    id: RuleId::UnloadableClient,
    subject: Subject::Object,
    name: RuleId::UnloadableClient.name(),
    level: Level::Warning,
    title: "a library that can be unloaded has an __rseq_abi that it registers itself",
    explanation: "A local or hidden definition is registered by its library, if anybody does it. \
        When such a library is closed while threads are registered, the kernel keeps the \
        address, as with unloadable-definer: the place is given to the library that is loaded \
        next, and the kernel writes into that one's variables; a thread whose area still names \
        a critical section of the closed library is killed (SIGSEGV). Whether the library \
        registers its area, and unregisters every thread before it is closed, no file says. \
        The shim does not unmap a library that has registered an area through syscall(2). \
        Link with -Wl,-z,nodelete, or unregister.",
    source: "rseq(2), NOTES; lifetime of TLS blocks in dlclose(3); Linux, kernel/rseq.c",
    check: Some(checks::unloadable_client),
};

/// No kernel registers this `__rseq_abi`.
pub static SMALL_DEFINER: Rule = Rule {
    id: RuleId::SmallDefiner,
    subject: Subject::Object,
    name: RuleId::SmallDefiner.name(),
    level: Level::Error,
    title: "no kernel registers this __rseq_abi",
    explanation: "The kernel refuses (EINVAL) a registration below 32 bytes or of an area \
        that is not aligned to 32. A definition of __rseq_abi that is smaller, or that its \
        object does not align, cannot be registered by whoever owns the registration, or the \
        kernel would write past its end. Define it with the type struct rseq of linux/rseq.h.",
    source: "Linux, kernel/rseq.c, sys_rseq; include/uapi/linux/rseq.h, struct rseq",
    check: Some(checks::small_definer),
};

/// Kernels kill the process for this descriptor.
pub static CRITICAL_SECTION_DESCRIPTOR: Rule = Rule {
    id: RuleId::CriticalSectionDescriptor,
    subject: Subject::Object,
    name: RuleId::CriticalSectionDescriptor.name(),
    level: Level::Error,
    title: "kernels kill the process for this descriptor",
    explanation: "The kernel reads the descriptor (struct rseq_cs) when it interrupts a critical \
        section. Up to Linux 6.18 a version other than 0 is answered with SIGSEGV. Flags \
        once asked not to restart on some events; from Linux 6.1 to 6.18 any flag is \
        SIGSEGV, too. Since 6.19 the kernel looks at both only with rseq debugging \
        switched on, and then kills as before. Leave both 0.",
    source: "Linux, kernel/rseq.c (commit 0190e4198e47 for the flags) and \
        include/linux/rseq_entry.h, rseq_update_user_cs",
    check: Some(checks::descriptor),
};

/// A critical section protects nothing.
pub static CRITICAL_SECTION_RANGE: Rule = Rule {
    id: RuleId::CriticalSectionRange,
    subject: Subject::Object,
    name: RuleId::CriticalSectionRange.name(),
    level: Level::Error,
    title: "a critical section protects nothing",
    explanation: "A critical section is the code from start_ip on, post_commit_offset bytes long. \
        The kernel compares the interrupted address with this range and with nothing \
        else: an empty range, or one that is not the code, never matches, and the code \
        that was meant runs without protection. A range that wraps around is SIGSEGV up to \
        Linux 6.18, and later with rseq debugging switched on.",
    source: "Linux, kernel/rseq.c and include/linux/rseq_entry.h, rseq_update_user_cs",
    check: Some(checks::range),
};

/// An abort handler stands inside its own critical section.
pub static ABORT_HANDLER_INSIDE: Rule = Rule {
    id: RuleId::AbortHandlerInside,
    subject: Subject::Object,
    name: RuleId::AbortHandlerInside.name(),
    level: Level::Error,
    title: "an abort handler stands inside its own critical section",
    explanation: "The abort handler runs after the kernel has taken the critical section away. If \
        it stands inside the section, the section goes on from its middle without \
        protection. The kernel answers such a descriptor with SIGSEGV up to Linux 6.18, \
        and later with rseq debugging switched on; otherwise it does not look.",
    source: "Linux, kernel/rseq.c and include/linux/rseq_entry.h, rseq_update_user_cs",
    check: Some(checks::abort_inside),
};

/// An abort kills the thread.
pub static ABORT_SIGNATURE: Rule = Rule {
    id: RuleId::AbortSignature,
    subject: Subject::Object,
    name: RuleId::AbortSignature.name(),
    level: Level::Error,
    title: "an abort kills the thread",
    explanation: "The four bytes before an abort handler have to be the signature that was given \
        at registration, so that an attacker who can write data cannot send threads \
        anywhere. Every kernel answers another value there with SIGSEGV. The value of the \
        registering libc (0x53053053 on x86, 0xd428bc00 on AArch64) is the only one that \
        all users of one registration can share.",
    source: "Linux, kernel/rseq.c and include/linux/rseq_entry.h, rseq_update_user_cs; \
        glibc, bits/rseq.h, RSEQ_SIG",
    check: Some(checks::signature),
};

/// A critical section makes a system call.
pub static CRITICAL_SECTION_SYSCALL: Rule = Rule {
    id: RuleId::CriticalSectionSyscall,
    subject: Subject::Object,
    name: RuleId::CriticalSectionSyscall.name(),
    level: Level::Error,
    title: "a critical section makes a system call",
    explanation: "A critical section must not make system calls: the kernel may deliver a signal \
        or move the thread on the way out, and by then the section's effects are in the \
        kernel and cannot be taken back. Kernels built or started with rseq debugging \
        answer with SIGSEGV.",
    source: "Linux, kernel/rseq.c, rseq_syscall (CONFIG_DEBUG_RSEQ, or rseq_debug since 6.19)",
    check: Some(checks::system_call),
};

/// A critical section calls a function.
pub static CRITICAL_SECTION_CALL: Rule = Rule {
    id: RuleId::CriticalSectionCall,
    subject: Subject::Object,
    name: RuleId::CriticalSectionCall.name(),
    level: Level::Error,
    title: "a critical section calls a function",
    explanation: "While a called function runs, the thread is outside the range of the critical \
        section. If it is interrupted there, the kernel clears the pointer to the \
        section, and the rest of it runs after the return without protection. Direct \
        calls that leave the range are proved; indirect calls are likely to leave it. \
        Inline the function.",
    source: "Linux, kernel/rseq.c; librseq, doc and include/rseq/pseudocode.h",
    check: Some(checks::call),
};

/// An `__rseq_abi` that the dynamic linker cannot see is refused where the libc registers.
pub static HIDDEN_DEFINER: Rule = Rule {
    id: RuleId::HiddenDefiner,
    subject: Subject::Object,
    name: RuleId::HiddenDefiner.name(),
    level: Level::Warning,
    title: "an __rseq_abi that the dynamic linker cannot see is refused where the libc registers",
    explanation: "One registration per thread is all that the kernel gives. An object with an \
        __rseq_abi of its own that the dynamic linker cannot see has to register it itself. \
        Where the libc has registered its own area first (glibc 2.35 and later), that fails \
        with EINVAL in every thread and the code stays on its slow path, in silence. Not one \
        that asks for __rseq_offset first, as librseq does: it takes the libc's. `rseqctl run` \
        starts the program so that its registration succeeds. Code that does not register its \
        definition, but waits for somebody else to do so, has to export it: link the program \
        with -Wl,--export-dynamic-symbol=__rseq_abi, and give the definition default visibility \
        (RSEQ_ABI_DEFINE of rseq_abi.h).",
    source: "rseq(2), EINVAL; glibc manual, tunable glibc.pthread.rseq; google/tcmalloc \
        issue 144",
    check: Some(checks::hidden_definer),
};

/// A library uses its own `__rseq_abi`, whatever other definition wins.
pub static DEFINER_BINDS_TO_ITSELF: Rule = Rule {
    id: RuleId::DefinerBindsToItself,
    subject: Subject::Object,
    name: RuleId::DefinerBindsToItself.name(),
    level: Level::Warning,
    title: "a library exports __rseq_abi and uses its own whatever else is there",
    explanation: "The first __rseq_abi in the global scope is the area that everybody shares. A \
        library that exports one and is linked with -Bsymbolic (DF_SYMBOLIC), or gives it \
        protected visibility, uses its own even where another comes first: in a program that \
        has one, or when dlopen brings the library. Whoever registers threads does not know of \
        that area, and where the library registers it itself, it is refused (EINVAL). Link \
        without -Bsymbolic and export the symbol with default visibility, or hide it.",
    source: "ELF gABI, DF_SYMBOLIC and STV_PROTECTED; ld(1), -Bsymbolic; rseq(2), EINVAL",
    check: Some(checks::definer_binds_to_itself),
};

/// An access to `__rseq_abi` may call into the dynamic linker.
pub static NOT_INITIAL_EXEC: Rule = Rule {
    id: RuleId::NotInitialExec,
    subject: Subject::Object,
    name: RuleId::NotInitialExec.name(),
    level: Level::Warning,
    title: "an access to __rseq_abi may call into the dynamic linker",
    explanation: "Outside the initial-exec and local-exec models an access to a thread-local \
        variable may call into the dynamic linker, which may allocate memory: not in a signal \
        handler, not in a critical section, not before the libc is ready. All users of \
        __rseq_abi have to use the initial-exec model. Declare it with \
        __attribute__((tls_model(\"initial-exec\"))).",
    source: "ELF Handling For Thread-Local Storage (Drepper), section 4; librseq \
        include/rseq/abi.h",
    check: Some(checks::not_initial_exec),
};

/// A weak reference to a thread-local variable has no null.
pub static WEAK_REFERENCE: Rule = Rule {
    id: RuleId::WeakReference,
    subject: Subject::Object,
    name: RuleId::WeakReference.name(),
    level: Level::Warning,
    title: "a weak reference to __rseq_abi reads garbage where nobody defines it",
    explanation: "The address of a weak thread-local variable that nobody defines is not null: it \
        is the thread pointer itself, or some place before the thread's storage, whatever the \
        linker made of it, and a comparison with null is true everywhere. Code that may run \
        without a definition asks rseq_abi_symbol() of rseq_abi.h, which compares with a name \
        that nobody defines (__rseq_abi_nobody; an object that refers to it is not named here), \
        or brings a definition of its own (RSEQ_ABI_DEFINE). A reference that is not weak is \
        better still where the definition is linked with the program, as by -lrseq_abi. Code \
        that finds out in another way, such as dlsym, may ignore this.",
    source: "ELF Handling For Thread-Local Storage (Drepper), section 4; docs/authors.md, with \
        what four linkers make of it",
    check: Some(checks::weak_reference),
};

/// `dlopen` cannot load the library.
pub static STATIC_TLS_SURPLUS: Rule = Rule {
    id: RuleId::StaticTlsSurplus,
    subject: Subject::Object,
    name: RuleId::StaticTlsSurplus.name(),
    level: Level::Warning,
    title: "dlopen cannot load it",
    explanation: "A library that uses the initial-exec model has its thread-local storage in the \
        static TLS block, whose size is fixed when the program starts. For libraries \
        that come later, by dlopen, glibc keeps 1664 bytes for all of them together \
        (padding may add some tens). A library that needs more cannot be loaded so: \
        \"cannot allocate memory in static TLS block\". Link programs with it, preload it, \
        or set the tunable.",
    source: "glibc, elf/dl-tls.c; glibc manual, tunable glibc.rtld.optional_static_tls; \
        librseq issue 22",
    check: Some(checks::static_tls_surplus),
};

/// It writes to a field that belongs to the kernel.
pub static READ_ONLY_STORE: Rule = Rule {
    id: RuleId::ReadOnlyStore,
    subject: Subject::Object,
    name: RuleId::ReadOnlyStore.name(),
    level: Level::Warning,
    title: "it writes to a field that belongs to the kernel",
    explanation: "cpu_id_start, cpu_id, node_id and mm_cid belong to the kernel. Under a \
        registration longer than 32 bytes, Linux 7.0.10 and later write them only when \
        they change, compare them, and kill the process with SIGSEGV when they are not \
        what was written. Under a registration of exactly 32 bytes the kernel writes \
        them again after each interruption, which TCMalloc counts on; Linux 6.19 to \
        7.0.9 do so for no length. In a critical section the store is proved where its \
        address is the thread pointer and a constant; elsewhere the code before it was \
        followed over jumps and calls, so it is \
        likely.",
    source: "Linux, Documentation/userspace-api/rseq.rst; google/tcmalloc issue 292",
    check: Some(checks::read_only_store),
};

/// A critical section may commit twice.
pub static REPEATED_COMMIT: Rule = Rule {
    id: RuleId::RepeatedCommit,
    subject: Subject::Object,
    name: RuleId::RepeatedCommit.name(),
    level: Level::Warning,
    title: "a critical section may commit twice",
    explanation: "A critical section is restarted from its beginning when it is aborted, at any \
        instruction but behind the last. What it has changed for others by then happens \
        again. So its only store that others can see is its last instruction; stores \
        before it are good only to places that nobody reads yet. A section that stores \
        and then goes on, or that changes a value in memory in place before its end, is \
        likely to commit twice.",
    source: "Linux, kernel/rseq.c, the algorithm in its first comment; librseq, \
        include/rseq/pseudocode.h",
    check: Some(checks::second_store),
};

/// It offers its `__rseq_abi` to the whole program.
pub static EXPORTED_DEFINER: Rule = Rule {
    id: RuleId::ExportedDefiner,
    subject: Subject::Object,
    name: RuleId::ExportedDefiner.name(),
    level: Level::Note,
    title: "it offers its __rseq_abi to the whole program",
    explanation: "The first __rseq_abi in the global scope is the area of the whole process. \
        An object that exports one adopts that role: whoever registers threads registers this \
        definition, with the length that its symbol has.",
    source: "ELF gABI, symbol resolution; ld.so(8)",
    check: Some(checks::exported_definer),
};

/// It registers its threads itself.
pub static OWNS_ITSELF: Rule = Rule {
    id: RuleId::OwnsItself,
    subject: Subject::Object,
    name: RuleId::OwnsItself.name(),
    level: Level::Note,
    title: "it registers its threads itself",
    explanation: "The program is linked with librseq_owner.a (its note .note.rseq_owner says so): \
        it defines __rseq_abi, registers the main thread before constructors run and every \
        other thread at its birth. Where the libc has registered its own area first (glibc 2.35 \
        and later) it steps aside. `rseqctl run` switches the libc's registration off for it; \
        without, set GLIBC_TUNABLES=glibc.pthread.rseq=0.",
    source: "docs/authors.md; glibc manual, tunable glibc.pthread.rseq",
    check: Some(checks::owns_itself),
};

/// It may look up an rseq symbol at run time.
pub static ASKED_BY_NAME: Rule = Rule {
    id: RuleId::AskedByName,
    subject: Subject::Object,
    name: RuleId::AskedByName.name(),
    level: Level::Note,
    title: "it may look up an rseq symbol at run time",
    explanation: "The name of an rseq symbol stands in the object's constants, no symbol of that \
        name is in its tables, and it can call dlsym. Programs that have to start on \
        older libcs look __rseq_offset up so. It is no reference that a linker sees: an \
        audit by symbols misses it.",
    source: "dlsym(3); glibc manual, Restartable Sequences",
    check: Some(checks::asked_by_name),
};

/// A critical section was not looked at to its end.
pub static UNDECODED_CRITICAL_SECTION: Rule = Rule {
    id: RuleId::UndecodedCriticalSection,
    subject: Subject::Object,
    name: RuleId::UndecodedCriticalSection.name(),
    level: Level::Note,
    title: "a critical section was not looked at to its end",
    explanation: "A critical section was decoded from its first byte, and some bytes on the way \
        are no instructions that the decoder knows; or there is no decoder for the machine \
        (there are two, for x86-64 and AArch64). What was not looked at may break other \
        rules.",
    source: "the decoders' documentation (iced-x86, yaxpeax-arm)",
    check: Some(checks::undecoded),
};
