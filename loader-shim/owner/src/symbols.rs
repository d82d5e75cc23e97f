//! What the archive brings into a program: the area, the words that are counted per
//! thread, and a note that `rseqctl` knows the program by.
//!
//! The definition is weak: a program that has one of its own, such as TCMalloc's,
//! keeps it, and that is what is registered then.
//!
//! # Safety
//!
//! What this module owes: the names and sections are those that others rely on.

#![allow(unsafe_code, reason = "names and sections that others rely on")]

use core::arch::global_asm;

// SAFETY: data only. `__rseq_abi` is `struct rseq` as it is before anybody registers it
// (cpu_id -1), `rseq_shim_thread` what `registration::nesting` counts, weak because the
// shim refers to it so, and one module has one binding for a name. The note has the
// name "rseq", the type 1 and the version 1 (ELF gABI, "Note Section"); its section is
// `tls_model::facts::SectionName::Owner`.
global_asm!(
    ".pushsection .tdata.rseq, \"awT\", @progbits",
    ".balign 32",
    ".weak __rseq_abi",
    ".type __rseq_abi, @tls_object",
    ".size __rseq_abi, 32",
    "__rseq_abi:",
    ".long 0, -1",
    ".zero 24",
    ".popsection",
    ".pushsection .tbss.rseq_shim, \"awT\", @nobits",
    ".balign 8",
    ".weak rseq_shim_thread",
    ".hidden rseq_shim_thread",
    ".type rseq_shim_thread, @tls_object",
    ".size rseq_shim_thread, 16",
    "rseq_shim_thread:",
    ".zero 16",
    ".popsection",
    ".pushsection .note.rseq_owner, \"a\", @note",
    ".balign 4",
    ".long 2f - 1f, 4f - 3f, 1",
    "1:",
    ".asciz \"rseq\"",
    "2:",
    ".balign 4",
    "3:",
    ".long 1",
    "4:",
    ".balign 4",
    ".popsection",
    // a static program has the libc's own pthread_create only if somebody refers to
    // what calls it: this does, and goes with what nobody uses (--gc-sections)
    ".pushsection .data.rel.ro.rseq_owner, \"aw\", @progbits",
    ".balign 8",
    ".quad timer_create",
    ".popsection",
    // core's unwind tables name a personality that nothing here can reach
    ".hidden rust_eh_personality",
    ".globl rust_eh_personality",
    ".pushsection .rodata.rseq_owner, \"a\", @progbits",
    "rust_eh_personality:",
    ".long 0",
    ".popsection",
);
