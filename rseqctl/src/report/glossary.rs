//! What the words of reports mean, besides the rules: owners, roles, models, kinds.

/// One meaning of a word. A word that stands in several places has several.
#[derive(Clone, Copy, Debug)]
pub struct Term {
    /// The word, as reports have it.
    pub word: &'static str,
    /// Where it stands.
    pub place: &'static str,
    /// What it means, as one or two sentences.
    pub meaning: &'static str,
}

const fn term(word: &'static str, place: &'static str, meaning: &'static str) -> Term {
    Term {
        word,
        place,
        meaning,
    }
}

/// Returns the meanings of a word; none where it is unknown.
pub fn meanings(word: &str) -> impl Iterator<Item = &'static Term> {
    TERMS.iter().filter(move |term| term.word == word)
}

/// Returns every word once, in the order of [`TERMS`].
pub fn words() -> impl Iterator<Item = &'static str> {
    let first = |(index, term): (usize, &'static Term)| {
        let before = TERMS.get(..index).unwrap_or_default();
        let is_first = before.iter().all(|other| other.word != term.word);
        is_first.then_some(term.word)
    };
    TERMS.iter().enumerate().filter_map(first)
}

const LEVEL: &str = "level of a finding";
const OWNER: &str = "owner of the registration";
const PROCESS_OWNER: &str = "owner, rseqctl ps";
const MODE: &str = "mode of rseqctl run";
const MODEL: &str = "TLS model";
const EVIDENCE: &str = "evidence";
const ROLE: &str = "role of a symbol";
const BINDING: &str = "binding of a symbol";
const VISIBILITY: &str = "visibility of a symbol";
const TABLE: &str = "symbol table";
const SYMBOL: &str = "symbol";
const SECTION: &str = "section";
const OBJECT: &str = "type of an object";
const CLASS: &str = "class of an object";
const DEFINITION: &str = "definition, rseqctl ps";
const AREA: &str = "area of a thread, rseqctl ps";
const KERNEL_MODE: &str = "mode of a registration, rseqctl ps";
const REGISTRATION: &str = "registered by, rseqctl doctor";
const ABORT: &str = "aborts, rseqctl doctor";
const FIELD: &str = "cpu_id_start, rseqctl doctor";
const REFUSED: &str = "refused, rseqctl doctor";
const SECCOMP: &str = "seccomp, rseqctl doctor";
const TUNABLE: &str = "tunable, rseqctl doctor";
const COMMAND: &str = "command of a report";
/// The table's headings, which no schema has.
pub const COLUMN: &str = "column, rseqctl ps";

/// Every word.
pub static TERMS: &[Term] = &[
    term(
        "error",
        LEVEL,
        "A rule of the shared area is broken: threads may crash, or lose rseq.",
    ),
    term(
        "warning",
        LEVEL,
        "Something will not work as its author meant it to.",
    ),
    term("note", LEVEL, "Worth knowing; nothing is wrong."),
    term(
        "unavailable",
        OWNER,
        "Nobody owns it: the system call is missing or denied.",
    ),
    term(
        "libc",
        OWNER,
        "The libc registers its own area in every thread (glibc 2.35 and later).",
    ),
    term(
        "adopter",
        OWNER,
        "The executable or a library exports __rseq_abi, and the shim registers that area in every \
         thread.",
    ),
    term(
        "client",
        OWNER,
        "Some code registers an area of its own; the shim keeps out of its way.",
    ),
    term(
        "shim",
        OWNER,
        "The shim registers the area of librseq_abi.so in every thread.",
    ),
    term(
        "none",
        PROCESS_OWNER,
        "No thread of the process is registered.",
    ),
    term(
        "mixed",
        PROCESS_OWNER,
        "The threads of the process have different owners.",
    ),
    term(
        "auto",
        MODE,
        "Decide by what the program defines and what the libc does.",
    ),
    term(
        "own",
        MODE,
        "The shim registers every thread wherever the libc has not, even where the program hides \
         a definition of its own, which is refused then.",
    ),
    term(
        "defer",
        MODE,
        "The shim registers nothing: the libc or a client does.",
    ),
    term(
        "takeover",
        MODE,
        "The shim unregisters the libc's area and registers the shared one.",
    ),
    term("off", MODE, "The shim does nothing at all."),
    term(
        "initial-exec",
        MODEL,
        "The code reads the offset from the thread pointer out of a slot that the dynamic linker \
         has filled in. The model for __rseq_abi.",
    ),
    term(
        "local-exec",
        MODEL,
        "The offset from the thread pointer stands in the code. Only a program can use it, and \
         only for its own definition.",
    ),
    term(
        "general-dynamic",
        MODEL,
        "The code calls __tls_get_addr for each access. The first access may allocate.",
    ),
    term(
        "local-dynamic",
        MODEL,
        "The code calls __tls_get_addr once for all of its object's thread-local storage.",
    ),
    term(
        "tlsdesc",
        MODEL,
        "The code calls a function through a TLS descriptor for each access.",
    ),
    term(
        "unknown",
        MODEL,
        "The object uses __rseq_abi, and it was not seen how.",
    ),
    term(
        "proved",
        EVIDENCE,
        "By a symbol, a section, a relocation or a decoded critical section.",
    ),
    term(
        "likely",
        EVIDENCE,
        "By a search of code or data, which may miss or mistake something.",
    ),
    term(
        "assumed",
        EVIDENCE,
        "Not looked at, or not readable: what such an object usually does.",
    ),
    term("defines", ROLE, "The object has a definition of its own."),
    term(
        "references",
        ROLE,
        "The object uses the definition of another.",
    ),
    term(
        "copies",
        ROLE,
        "A reference that a copy relocation makes look like a definition.",
    ),
    term(
        "local",
        BINDING,
        "Not visible outside of the object (STB_LOCAL).",
    ),
    term("global", BINDING, "Visible to other objects (STB_GLOBAL)."),
    term(
        "weak",
        BINDING,
        "Visible to other objects; no definition is needed (STB_WEAK).",
    ),
    term(
        "unique",
        BINDING,
        "One definition in the whole process (STB_GNU_UNIQUE).",
    ),
    term(
        "other",
        BINDING,
        "A binding that the ELF specification leaves to others.",
    ),
    term(
        "default",
        VISIBILITY,
        "Other objects see it, and a definition before it wins.",
    ),
    term(
        "internal",
        VISIBILITY,
        "As hidden, with a meaning that the processor's ABI may add.",
    ),
    term("hidden", VISIBILITY, "Other objects do not see it."),
    term(
        "protected",
        VISIBILITY,
        "Other objects see it; its own object always uses it.",
    ),
    term("dynsym", TABLE, ".dynsym, which the dynamic linker reads."),
    term(
        "symtab",
        TABLE,
        ".symtab, which the link editor and debuggers read.",
    ),
    term(
        "lto",
        TABLE,
        "The table that GCC leaves for the link editor in an object file of intermediate code.",
    ),
    term(
        "__rseq_abi",
        SYMBOL,
        "The area that the kernel and the threads share, one per thread.",
    ),
    term(
        "__rseq_offset",
        SYMBOL,
        "Where the libc has put its area: bytes from the thread pointer (glibc 2.35).",
    ),
    term(
        "__rseq_size",
        SYMBOL,
        "How many bytes of the libc's area are in use; 0 where the libc has not registered it.",
    ),
    term(
        "__rseq_flags",
        SYMBOL,
        "The flags of the libc's registration.",
    ),
    term(
        "__rseq_handled",
        SYMBOL,
        "Set by whoever registers for the whole process, for librseq before 2022.",
    ),
    term(
        "__rseq_abi_nobody",
        SYMBOL,
        "Defined by nobody, to tell a missing `__rseq_abi` by (rseq_abi.h).",
    ),
    term(
        "__rseq_cs",
        SECTION,
        "Descriptors of critical sections, 32 bytes each.",
    ),
    term(
        "__rseq_cs_ptr_array",
        SECTION,
        "The addresses of the descriptors, for debuggers.",
    ),
    term(
        "__rseq_exit_point_array",
        SECTION,
        "Where critical sections are left early.",
    ),
    term("__rseq_failure", SECTION, "The abort handlers."),
    term(
        "rseq_trampoline",
        SECTION,
        "The abort trampolines of TCMalloc on aarch64.",
    ),
    term(
        ".note.rseq_owner",
        SECTION,
        "The program registers its threads itself (librseq_owner.a).",
    ),
    term("executable", OBJECT, "A program."),
    term(
        "shared",
        OBJECT,
        "A library, or a module that dlopen loads.",
    ),
    term(
        "relocatable",
        OBJECT,
        "An object file that was not linked yet, or a kernel module.",
    ),
    term("core", OBJECT, "The memory of a process that has crashed."),
    term(
        "debug",
        OBJECT,
        "Debugging information that was split off from another object, whose symbols it repeats.",
    ),
    term("other", OBJECT, "An ELF file of another type."),
    term("elf32", CLASS, "Addresses of 32 bits."),
    term("elf64", CLASS, "Addresses of 64 bits."),
    term("exported", DEFINITION, "The object exports an __rseq_abi."),
    term(
        "hidden",
        DEFINITION,
        "The object has an __rseq_abi that other objects do not see.",
    ),
    term(
        "likely-hidden",
        DEFINITION,
        "The object is stripped, and its critical sections say that it has an __rseq_abi.",
    ),
    term(
        "__rseq_abi",
        AREA,
        "The kernel holds the __rseq_abi of an object.",
    ),
    term(
        "libc",
        AREA,
        "The kernel holds the area that the libc keeps for the thread.",
    ),
    term(
        "librseq",
        AREA,
        "The kernel holds the area of librseq: its __rseq_abi, which it hides.",
    ),
    term(
        "tls",
        AREA,
        "The kernel holds another part of an object's thread-local storage.",
    ),
    term(
        "unknown",
        AREA,
        "The kernel holds an area, and it was not seen whose it is.",
    ),
    term(
        "legacy",
        KERNEL_MODE,
        "The kernel writes its fields whenever the thread was interrupted.",
    ),
    term(
        "optimized",
        KERNEL_MODE,
        "The kernel writes its fields when their values change (Linux 6.19 and later).",
    ),
    term("nobody", REGISTRATION, "Nobody has registered the thread."),
    term(
        "shared",
        REGISTRATION,
        "The kernel holds the __rseq_abi of the process.",
    ),
    term(
        "libc",
        REGISTRATION,
        "The kernel holds the area of the libc.",
    ),
    term(
        "denied",
        REGISTRATION,
        "The system call is missing or denied.",
    ),
    term(
        "aborts",
        ABORT,
        "The kernel sent the interrupted thread to the abort handler.",
    ),
    term(
        "runs-on",
        ABORT,
        "The thread went through the critical section to its end.",
    ),
    term("unknown", ABORT, "Not seen; not_seen says why."),
    term(
        "rewritten",
        FIELD,
        "The kernel has written its own value over another.",
    ),
    term(
        "kept",
        FIELD,
        "The value that was written by the thread was still there.",
    ),
    term(
        "killed",
        FIELD,
        "The kernel has killed the process for the change.",
    ),
    term("unknown", FIELD, "Not seen; not_seen says why."),
    term(
        "no-system-call",
        REFUSED,
        "The kernel, or a filter, answers ENOSYS.",
    ),
    term("denied", REFUSED, "The kernel, or a filter, answers EPERM."),
    term(
        "killed",
        REFUSED,
        "A process that makes the system call is killed (SIGSYS).",
    ),
    term(
        "occupied",
        REFUSED,
        "Something that was loaded into rseqctl has registered an area of its own.",
    ),
    term(
        "other",
        REFUSED,
        "The kernel answers another errno, which stands beside it.",
    ),
    term(
        "no-answer",
        REFUSED,
        "No child process could be started for the test.",
    ),
    term("none", SECCOMP, "No filter for system calls."),
    term(
        "strict",
        SECCOMP,
        "Only read, write, _exit and sigreturn are allowed.",
    ),
    term("filter", SECCOMP, "A filter decides about system calls."),
    term(
        "unset",
        TUNABLE,
        "GLIBC_TUNABLES says nothing about glibc.pthread.rseq.",
    ),
    term("on", TUNABLE, "GLIBC_TUNABLES tells glibc to register."),
    term(
        "off",
        TUNABLE,
        "GLIBC_TUNABLES tells glibc not to register.",
    ),
    term("audit", COMMAND, "A report of rseqctl audit."),
    term("ps", COMMAND, "A report of rseqctl ps."),
    term("doctor", COMMAND, "A report of rseqctl doctor."),
    term("PID", COLUMN, "The id of the process, as rseqctl sees it."),
    term("USER", COLUMN, "The id of its effective user."),
    term(
        "UNIT",
        COLUMN,
        "The unit of systemd that it is part of: the innermost service or scope of its control \
         group.",
    ),
    term(
        "OWNER",
        COLUMN,
        "Who owns the registration of its threads: libc, adopter, client, shim, none or mixed.",
    ),
    term(
        "REGISTERED",
        COLUMN,
        "How many of its threads are registered, of how many; a question mark where that may not \
         be read.",
    ),
    term(
        "LENGTH",
        COLUMN,
        "The bytes that were registered: 32, or more where the kernel offers more fields.",
    ),
    term(
        "MODE",
        COLUMN,
        "How the kernel keeps the area, legacy or optimized; with a question mark where that is \
         likely only.",
    ),
    term(
        "NAME",
        COLUMN,
        "Its name, as the kernel has it (15 bytes at most).",
    ),
    term(
        "PROGRAM",
        COLUMN,
        "Its command line, or its name in brackets.",
    ),
    term("FINDINGS", COLUMN, "The rules that it breaks."),
];
