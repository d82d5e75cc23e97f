//! s390x; `arch::s390x` says how its functions save registers and jump on.
//!
//! # Safety
//!
//! What this module owes: every function keeps the calling convention it is
//! entered with, and leaves the stack as it found it before a tail jump.

#![allow(unsafe_code, reason = "assembly")]

use core::arch::naked_asm;

use tls_model::rseq;

use crate::names::cpu;
use crate::next::names;
use crate::slab::StartRoutine;
use crate::{interpose, loading, notify, syscalls, threads};

/// pthread_create(3): goes on where `threads` says and, before anything is decided,
/// where `interpose` says.
// SAFETY: naked: changes r1 only; the jumps leave everything else as it was at entry.
#[unsafe(naked)]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pthread_create(
    thread: *mut libc::pthread_t,
    attributes: *const libc::pthread_attr_t,
    start: StartRoutine,
    argument: *mut core::ffi::c_void,
) -> core::ffi::c_int {
    naked_asm!(
        ".cfi_startproc",
        "lgrl %r1, {create}",
        "ltgr %r1, %r1",
        "jne 2f",
        "jg {first}",
        "2:",
        "br %r1",
        ".cfi_endproc",
        create = sym threads::CREATE,
        first = sym interpose::create_first,
    )
}

/// `int timer_create(clockid_t, struct sigevent *, timer_t *)`: the hook's, which is
/// told the return address besides.
// SAFETY: naked: one more argument; the jump leaves the stack as it was at entry.
#[unsafe(naked)]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn timer_create(
    clock: libc::clockid_t,
    event: *mut notify::SigEvent,
    timer: *mut libc::timer_t,
) -> core::ffi::c_int {
    naked_asm!(
        ".cfi_startproc",
        "lgr %r5, %r14",
        "jg {hook}",
        ".cfi_endproc",
        hook = sym notify::create_timer,
    )
}

/// `int sched_getcpu(void)`: the registered area's `cpu_id`, or what
/// `names::cpu` says where there is no CPU number in it (it is negative then).
// SAFETY: naked: reads the calling thread's area and changes r1 and r2 only; the jump
// leaves the stack as it was at entry.
#[unsafe(naked)]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sched_getcpu() -> core::ffi::c_int {
    naked_asm!(
        ".cfi_startproc",
        "ear %r1, %a0",
        "sllg %r1, %r1, 32",
        "ear %r1, %a1",
        "lgrl %r2, __rseq_abi@INDNTPOFF",
        "ltgf %r2, 4(%r2,%r1)",
        "jl 2f",
        "br %r14",
        "2:",
        "lgrl %r1, {unregistered}",
        "br %r1",
        ".cfi_endproc",
        unregistered = sym cpu::UNREGISTERED,
    )
}

/// `void *dlsym(void *handle, const char *name)`: answered by the shim for a
/// few names, else by the libc, which sees its caller's return address.
// SAFETY: naked: r15 is a multiple of 8 all the time, and as at entry at the jump; both
// arguments are back in their registers by then, from where the caller has left room for
// them.
#[unsafe(naked)]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlsym(
    handle: *mut core::ffi::c_void,
    name: *const core::ffi::c_char,
) -> *mut core::ffi::c_void {
    naked_asm!(
        ".cfi_startproc",
        "stmg %r2, %r3, 16(%r15)",
        "stmg %r14, %r15, 112(%r15)",
        ".cfi_offset %r14, -48",
        ".cfi_offset %r15, -40",
        "aghi %r15, -160",
        ".cfi_def_cfa_offset 320",
        "lgr %r4, %r14",
        "brasl %r14, {hook}",
        "lmg %r14, %r15, 272(%r15)",
        ".cfi_restore %r14",
        ".cfi_restore %r15",
        ".cfi_def_cfa_offset 160",
        "ltgr %r2, %r2",
        "jne 2f",
        "lmg %r2, %r3, 16(%r15)",
        "lgrl %r1, {libc}",
        "br %r1",
        "2:",
        "br %r14",
        ".cfi_endproc",
        hook = sym interpose::answer_dlsym,
        libc = sym names::DLSYM,
    )
}

/// `long syscall(long number, ...)`: SYS_rseq goes to the shim, all else
/// to the libc, arguments and stack untouched.
// SAFETY: naked: compares one register; both jumps leave everything else as it
// was at entry. A direct call of the hook has the same arguments, one register
// further on, and returns to the caller of `syscall`; its three integers of 32 bits are
// extended as their types are, which those of a variable number are not.
#[unsafe(naked)]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn syscall(number: core::ffi::c_long) -> core::ffi::c_long {
    naked_asm!(
        ".cfi_startproc",
        "cghi %r2, {rseq}",
        "je 2f",
        "lgrl %r1, {libc}",
        "br %r1",
        "2:",
        "lgr %r2, %r3",
        "llgfr %r3, %r4",
        "llgfr %r4, %r5",
        "llgfr %r5, %r6",
        "jg {hook}",
        ".cfi_endproc",
        rseq = const rseq::arch::S390X.syscall,
        libc = sym names::SYSCALL,
        hook = sym syscalls::client_rseq,
    )
}

/// `void *dlopen(const char *file, int mode)`: jumps to the dynamic linker's,
/// which sees its caller's return address. Where the policy asks for more,
/// `loading::before_dlopen` looks at the call, which is stored in this frame
/// as a `loading::Call`; where that wants control back the function is called from
/// this frame, which can be unwound, and a failure is left alone, with its
/// dlerror.
// SAFETY: naked: r15 is a multiple of 8 all the time, and as at entry at the jumps and
// the return; both arguments are back in their registers by then. 24 bytes of the frame,
// above what is left for whoever is called, are the `Call`.
#[unsafe(naked)]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlopen(
    file: *const core::ffi::c_char,
    mode: core::ffi::c_int,
) -> *mut core::ffi::c_void {
    naked_asm!(
        ".cfi_startproc",
        "lrl %r1, {policy}",
        "clfi %r1, {warn}",
        "jnl 2f",
        "lgrl %r1, {dlopen}",
        "br %r1",
        "2:",
        "stmg %r14, %r15, 112(%r15)",
        ".cfi_offset %r14, -48",
        ".cfi_offset %r15, -40",
        "aghi %r15, -184",
        ".cfi_def_cfa_offset 344",
        "stg %r2, 160(%r15)",
        "st %r3, 168(%r15)",
        "la %r2, 160(%r15)",
        "lgr %r3, %r14",
        "brasl %r14, {before}",
        "lgr %r0, %r2",
        "lg %r2, 160(%r15)",
        "lgf %r3, 168(%r15)",
        "tmll %r0, 1",
        "jne 3f",
        ".cfi_remember_state",
        "lmg %r14, %r15, 296(%r15)",
        ".cfi_restore %r14",
        ".cfi_restore %r15",
        ".cfi_def_cfa_offset 160",
        "lgrl %r1, {dlopen}",
        "br %r1",
        "3:",
        ".cfi_restore_state",
        "lgrl %r1, {dlopen}",
        "basr %r14, %r1",
        "ltgr %r2, %r2",
        "je 4f",
        "stg %r2, 160(%r15)",
        "la %r3, 160(%r15)",
        "brasl %r14, {after}",
        "lg %r2, 160(%r15)",
        "4:",
        "lmg %r14, %r15, 296(%r15)",
        ".cfi_restore %r14",
        ".cfi_restore %r15",
        ".cfi_def_cfa_offset 160",
        "br %r14",
        ".cfi_endproc",
        policy = sym loading::POLICY,
        warn = const loading::Policy::Warn as u32,
        dlopen = sym names::DLOPEN,
        before = sym loading::before_dlopen,
        after = sym loading::after_dlopen,
    )
}

/// `int dlclose(void *handle)`: what must stay is made to, then the dynamic
/// linker's.
// SAFETY: naked: r15 is a multiple of 8 all the time, and as at entry at the jump; the
// argument is back by then, from where the caller has left room for it.
#[unsafe(naked)]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlclose(handle: *mut core::ffi::c_void) -> core::ffi::c_int {
    naked_asm!(
        ".cfi_startproc",
        "stg %r2, 16(%r15)",
        "stmg %r14, %r15, 112(%r15)",
        ".cfi_offset %r14, -48",
        ".cfi_offset %r15, -40",
        "aghi %r15, -160",
        ".cfi_def_cfa_offset 320",
        "brasl %r14, {hook}",
        "lmg %r14, %r15, 272(%r15)",
        ".cfi_restore %r14",
        ".cfi_restore %r15",
        ".cfi_def_cfa_offset 160",
        "lg %r2, 16(%r15)",
        "lgrl %r1, {dlclose}",
        "br %r1",
        ".cfi_endproc",
        hook = sym loading::before_dlclose,
        dlclose = sym names::DLCLOSE,
    )
}
