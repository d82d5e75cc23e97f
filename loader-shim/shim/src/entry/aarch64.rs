//! AArch64 (AAPCS64); `arch::aarch64` says how its functions begin and jump on.
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
// SAFETY: naked: changes x16 only; the jumps leave everything else as it was at entry.
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
        "hint #34",
        "adrp x16, {create}",
        "ldr x16, [x16, :lo12:{create}]",
        "cbz x16, 2f",
        "br x16",
        "2:",
        "b {first}",
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
        "hint #34",
        "mov x3, x30",
        "b {hook}",
        ".cfi_endproc",
        hook = sym notify::create_timer,
    )
}

/// `int sched_getcpu(void)`: the registered area's `cpu_id`, or what
/// `names::cpu` says where there is no CPU number in it (it is negative then).
// SAFETY: naked: reads the calling thread's area and changes x0, x9 and x16 only; the jump
// leaves the stack as it was at entry.
#[unsafe(naked)]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sched_getcpu() -> core::ffi::c_int {
    naked_asm!(
        ".cfi_startproc",
        "hint #34",
        "mrs x9, tpidr_el0",
        "adrp x16, :gottprel:__rseq_abi",
        "ldr x16, [x16, :gottprel_lo12:__rseq_abi]",
        "add x9, x9, x16",
        "ldr w0, [x9, #4]",
        "tbnz w0, #31, 2f",
        "ret",
        "2:",
        "adrp x16, {unregistered}",
        "ldr x16, [x16, :lo12:{unregistered}]",
        "br x16",
        ".cfi_endproc",
        unregistered = sym cpu::UNREGISTERED,
    )
}

/// `void *dlsym(void *handle, const char *name)`: answered by the shim for a
/// few names, else by the libc, which sees its caller's return address.
// SAFETY: naked: sp is a multiple of 16 all the time, and as at entry at the jump; both
// arguments are back in their registers by then.
#[unsafe(naked)]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlsym(
    handle: *mut core::ffi::c_void,
    name: *const core::ffi::c_char,
) -> *mut core::ffi::c_void {
    naked_asm!(
        ".cfi_startproc",
        "hint #34",
        "stp x29, x30, [sp, #-32]!",
        ".cfi_def_cfa_offset 32",
        ".cfi_offset 29, -32",
        ".cfi_offset 30, -24",
        "mov x29, sp",
        "stp x0, x1, [sp, #16]",
        "mov x2, x30",
        "bl {hook}",
        "mov x16, x0",
        "ldp x0, x1, [sp, #16]",
        "ldp x29, x30, [sp], #32",
        ".cfi_restore 29",
        ".cfi_restore 30",
        ".cfi_def_cfa_offset 0",
        "cbnz x16, 2f",
        "adrp x16, {libc}",
        "ldr x16, [x16, :lo12:{libc}]",
        "br x16",
        "2:",
        "mov x0, x16",
        "ret",
        ".cfi_endproc",
        hook = sym interpose::answer_dlsym,
        libc = sym names::DLSYM,
    )
}

/// `long syscall(long number, ...)`: SYS_rseq goes to the shim, all else
/// to the libc, arguments and stack untouched.
// SAFETY: naked: compares one register; both jumps leave everything else as it
// was at entry. A direct call of the hook has the same arguments, one register
// further on, and returns to the caller of `syscall`.
#[unsafe(naked)]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn syscall(number: core::ffi::c_long) -> core::ffi::c_long {
    naked_asm!(
        ".cfi_startproc",
        "hint #34",
        "cmp x0, #{rseq}",
        "b.eq 2f",
        "adrp x16, {libc}",
        "ldr x16, [x16, :lo12:{libc}]",
        "br x16",
        "2:",
        "mov x0, x1",
        "mov x1, x2",
        "mov x2, x3",
        "mov x3, x4",
        "b {hook}",
        ".cfi_endproc",
        rseq = const rseq::arch::AARCH64.syscall,
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
// SAFETY: naked: sp is a multiple of 16 all the time, and as at entry at the jumps and
// the return; both arguments are back in their registers by then. 24 bytes of the frame,
// above the two saved registers, are the `Call`.
#[unsafe(naked)]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlopen(
    file: *const core::ffi::c_char,
    mode: core::ffi::c_int,
) -> *mut core::ffi::c_void {
    naked_asm!(
        ".cfi_startproc",
        "hint #34",
        "adrp x16, {policy}",
        "ldr w16, [x16, :lo12:{policy}]",
        "cmp w16, #{warn}",
        "b.hs 2f",
        "adrp x16, {dlopen}",
        "ldr x16, [x16, :lo12:{dlopen}]",
        "br x16",
        "2:",
        "stp x29, x30, [sp, #-48]!",
        ".cfi_def_cfa_offset 48",
        ".cfi_offset 29, -48",
        ".cfi_offset 30, -40",
        "mov x29, sp",
        "str x0, [sp, #16]",
        "str w1, [sp, #24]",
        "add x0, sp, #16",
        "mov x1, x30",
        "bl {before}",
        "mov w9, w0",
        "ldr x0, [sp, #16]",
        "ldr w1, [sp, #24]",
        "tbnz w9, #0, 3f",
        ".cfi_remember_state",
        "ldp x29, x30, [sp], #48",
        ".cfi_restore 29",
        ".cfi_restore 30",
        ".cfi_def_cfa_offset 0",
        "adrp x16, {dlopen}",
        "ldr x16, [x16, :lo12:{dlopen}]",
        "br x16",
        "3:",
        ".cfi_restore_state",
        "adrp x16, {dlopen}",
        "ldr x16, [x16, :lo12:{dlopen}]",
        "blr x16",
        "cbz x0, 4f",
        "str x0, [sp, #16]",
        "add x1, sp, #16",
        "bl {after}",
        "ldr x0, [sp, #16]",
        "4:",
        "ldp x29, x30, [sp], #48",
        ".cfi_restore 29",
        ".cfi_restore 30",
        ".cfi_def_cfa_offset 0",
        "ret",
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
// SAFETY: naked: sp is a multiple of 16 all the time, and as at entry at the jump.
#[unsafe(naked)]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlclose(handle: *mut core::ffi::c_void) -> core::ffi::c_int {
    naked_asm!(
        ".cfi_startproc",
        "hint #34",
        "stp x29, x30, [sp, #-32]!",
        ".cfi_def_cfa_offset 32",
        ".cfi_offset 29, -32",
        ".cfi_offset 30, -24",
        "mov x29, sp",
        "str x0, [sp, #16]",
        "bl {hook}",
        "ldr x0, [sp, #16]",
        "ldp x29, x30, [sp], #32",
        ".cfi_restore 29",
        ".cfi_restore 30",
        ".cfi_def_cfa_offset 0",
        "adrp x16, {dlclose}",
        "ldr x16, [x16, :lo12:{dlclose}]",
        "br x16",
        ".cfi_endproc",
        hook = sym loading::before_dlclose,
        dlclose = sym names::DLCLOSE,
    )
}
