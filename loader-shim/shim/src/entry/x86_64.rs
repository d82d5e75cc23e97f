//! x86_64 System V.
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
// SAFETY: naked: changes rax only; the jumps leave everything else as it was at entry.
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
        "endbr64",
        "mov rax, qword ptr [rip + {create}]",
        "test rax, rax",
        "jz {first}",
        "jmp rax",
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
        "endbr64",
        "mov rcx, qword ptr [rsp]",
        "jmp {hook}",
        ".cfi_endproc",
        hook = sym notify::create_timer,
    )
}

/// `int sched_getcpu(void)`: the registered area's `cpu_id`, or what
/// `names::cpu` says where there is no CPU number in it (it is negative then).
// SAFETY: naked: reads the calling thread's area and changes rax only; the jump
// leaves the stack as it was at entry.
#[unsafe(naked)]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sched_getcpu() -> core::ffi::c_int {
    naked_asm!(
        ".cfi_startproc",
        "endbr64",
        "mov rax, qword ptr [rip + __rseq_abi@GOTTPOFF]",
        "mov eax, dword ptr fs:[rax + 4]",
        "test eax, eax",
        "js 2f",
        "ret",
        "2:",
        "jmp qword ptr [rip + {unregistered}]",
        ".cfi_endproc",
        unregistered = sym cpu::UNREGISTERED,
    )
}

/// `void *dlsym(void *handle, const char *name)`: answered by the shim for a
/// few names, else by the libc, which sees its caller's return address.
// SAFETY: naked: rsp is 8 modulo 16 at entry, 0 at the call, and as at entry at
// the jump; both arguments are back in their registers by then.
#[unsafe(naked)]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlsym(
    handle: *mut core::ffi::c_void,
    name: *const core::ffi::c_char,
) -> *mut core::ffi::c_void {
    naked_asm!(
        ".cfi_startproc",
        "endbr64",
        "push rdi",
        ".cfi_adjust_cfa_offset 8",
        "push rsi",
        ".cfi_adjust_cfa_offset 8",
        "mov rdx, qword ptr [rsp + 16]",
        "sub rsp, 8",
        ".cfi_adjust_cfa_offset 8",
        "call {hook}",
        "add rsp, 8",
        ".cfi_adjust_cfa_offset -8",
        "pop rsi",
        ".cfi_adjust_cfa_offset -8",
        "pop rdi",
        ".cfi_adjust_cfa_offset -8",
        "test rax, rax",
        "jnz 2f",
        "jmp qword ptr [rip + {libc}]",
        "2:",
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
        "endbr64",
        "cmp rdi, {rseq}",
        "je 2f",
        "jmp qword ptr [rip + {libc}]",
        "2:",
        "mov rdi, rsi",
        "mov rsi, rdx",
        "mov rdx, rcx",
        "mov rcx, r8",
        "jmp {hook}",
        ".cfi_endproc",
        rseq = const rseq::arch::X86_64.syscall,
        libc = sym names::SYSCALL,
        hook = sym syscalls::client_rseq,
    )
}

/// `void *dlopen(const char *file, int mode)`: jumps to the dynamic linker's,
/// which sees its caller's return address. Where the policy asks for more,
/// `loading::before_dlopen` looks at the call, which is stored at the stack's top
/// as a `loading::Call`; where that wants control back the function is called from
/// this frame, which can be unwound, and a failure is left alone, with its
/// dlerror.
// SAFETY: naked: rsp is 8 modulo 16 at entry, 0 at the calls, and as at entry at
// the jumps and the return; both arguments are back in their registers by then.
#[unsafe(naked)]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlopen(
    file: *const core::ffi::c_char,
    mode: core::ffi::c_int,
) -> *mut core::ffi::c_void {
    naked_asm!(
        ".cfi_startproc",
        "endbr64",
        "cmp dword ptr [rip + {policy}], {warn}",
        "jae 2f",
        "jmp qword ptr [rip + {dlopen}]",
        "2:",
        "sub rsp, 24",
        ".cfi_adjust_cfa_offset 24",
        "mov qword ptr [rsp], rdi",
        "mov qword ptr [rsp + 8], rsi",
        "mov rdi, rsp",
        "mov rsi, qword ptr [rsp + 24]",
        "call {before}",
        "mov rdi, qword ptr [rsp]",
        "mov esi, dword ptr [rsp + 8]",
        "test al, al",
        "jnz 3f",
        "add rsp, 24",
        ".cfi_adjust_cfa_offset -24",
        "jmp qword ptr [rip + {dlopen}]",
        "3:",
        ".cfi_adjust_cfa_offset 24",
        "call qword ptr [rip + {dlopen}]",
        "test rax, rax",
        "jz 4f",
        "mov qword ptr [rsp], rax",
        "mov rdi, rax",
        "mov rsi, rsp",
        "call {after}",
        "mov rax, qword ptr [rsp]",
        "4:",
        "add rsp, 24",
        ".cfi_adjust_cfa_offset -24",
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
// SAFETY: naked: rsp is 8 modulo 16 at entry, 0 at the call, and as at entry at
// the jump.
#[unsafe(naked)]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlclose(handle: *mut core::ffi::c_void) -> core::ffi::c_int {
    naked_asm!(
        ".cfi_startproc",
        "endbr64",
        "push rdi",
        ".cfi_adjust_cfa_offset 8",
        "call {hook}",
        "pop rdi",
        ".cfi_adjust_cfa_offset -8",
        "jmp qword ptr [rip + {dlclose}]",
        ".cfi_endproc",
        hook = sym loading::before_dlclose,
        dlclose = sym names::DLCLOSE,
    )
}
