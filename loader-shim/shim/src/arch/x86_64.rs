//! x86_64 System V.
//!
//! # Safety
//!
//! What this module owes: every function keeps the calling convention it is
//! entered with, leaves the stack as it found it before a tail jump, and
//! touches no memory but the calling thread's own TLS and stack.

use core::arch::{asm, naked_asm};

use tls_model::rseq::Rseq;

mod memory;

use crate::names::{cpu, lookup};
use crate::nesting::Nesting;
use crate::process::RDebug;
use crate::slab::StartRoutine;
use crate::{loading, notify, syscalls, threads};

/// Enters the kernel. Answers its result: an errno is negative.
///
/// # Safety
///
/// As the system call itself.
pub unsafe fn syscall6(number: usize, arguments: [usize; 6]) -> isize {
    let result: isize;
    let [first, second, third, fourth, fifth, sixth] = arguments;
    // SAFETY: the kernel's convention: arguments in these registers, rcx and
    // r11 overwritten, the stack untouched. The caller answers for the effect.
    unsafe {
        asm!(
            "syscall",
            inlateout("rax") number as isize => result,
            in("rdi") first, in("rsi") second, in("rdx") third,
            in("r10") fourth, in("r8") fifth, in("r9") sixth,
            lateout("rcx") _, lateout("r11") _,
            options(nostack),
        );
    }
    result
}

/// The same for calls of four arguments or less: every new thread makes one.
///
/// # Safety
///
/// As the system call itself.
pub unsafe fn syscall4(number: usize, arguments: [usize; 4]) -> isize {
    let result: isize;
    let [first, second, third, fourth] = arguments;
    // SAFETY: as in `syscall6`.
    unsafe {
        asm!(
            "syscall",
            inlateout("rax") number as isize => result,
            in("rdi") first, in("rsi") second, in("rdx") third, in("r10") fourth,
            lateout("rcx") _, lateout("r11") _,
            options(nostack),
        );
    }
    result
}

/// The thread pointer: TLS offsets, `__rseq_offset` among them, count from it.
pub fn thread_pointer() -> usize {
    let pointer: usize;
    // SAFETY: the psABI keeps the thread pointer's own value at %fs:0, where it
    // never changes: one read does for several (`nomem`).
    unsafe {
        asm!("mov {}, qword ptr fs:[0]", out(reg) pointer, options(pure, nomem, nostack, preserves_flags));
    }
    pointer
}

/// The calling thread's copy of the `__rseq_abi` that wins in the global scope.
pub fn abi_area() -> *mut Rseq {
    let offset: usize;
    // SAFETY: initial-exec: the dynamic linker has put the variable's offset
    // from the thread pointer into this slot before any code of ours runs, and it
    // never changes (`nomem`).
    unsafe {
        asm!(
            "mov {}, qword ptr [rip + __rseq_abi@GOTTPOFF]",
            out(reg) offset,
            options(pure, nomem, nostack, preserves_flags),
        );
    }
    core::ptr::with_exposed_provenance_mut(thread_pointer().wrapping_add(offset))
}

/// The calling thread's nesting, which `librseq_abi.so` has room for. To be asked for
/// where [`has_room`] only.
pub fn nesting() -> &'static Nesting {
    let here = thread_pointer().wrapping_add(room());
    // SAFETY: this thread's copy of the variable; the reference is used by the
    // calling thread (and its signal handlers) only, which does not outlive it.
    unsafe { &*core::ptr::with_exposed_provenance(here) }
}

/// Whether there is room for each thread's nesting: not where another library of the
/// name of `librseq_abi.so` has come first.
pub fn has_room() -> bool {
    room() != 0
}

fn room() -> usize {
    let offset: usize;
    // SAFETY: initial-exec, as in `abi_area`; a weak reference, for which the slot
    // holds 0 where nobody defines it.
    unsafe {
        asm!(
            ".weak rseq_shim_thread",
            "mov {}, qword ptr [rip + rseq_shim_thread@GOTTPOFF]",
            out(reg) offset,
            options(pure, nomem, nostack, preserves_flags),
        );
    }
    offset
}

/// The address that the dynamic linker has bound a name to, or null where nobody
/// defines it.
macro_rules! weak_reference {
    ($name:literal) => {{
        let address;
        // SAFETY: a weak reference through the GOT: a load of our own relocated
        // slot.
        unsafe {
            asm!(
                concat!(".weak ", $name),
                concat!("mov {}, qword ptr [rip + ", $name, "@GOTPCREL]"),
                out(reg) address,
                options(pure, readonly, nostack, preserves_flags),
            );
        }
        address
    }};
}

/// An address that the static linker knows, of the shim itself.
macro_rules! own_address {
    ($name:literal) => {{
        let address: usize;
        // SAFETY: the address of a symbol that linkers define in every object; it is
        // hidden, so that nobody else's is found.
        unsafe {
            asm!(
                concat!(".hidden ", $name),
                concat!("lea {}, [rip + ", $name, "]"),
                out(reg) address,
                options(pure, nomem, nostack, preserves_flags),
            );
        }
        address
    }};
}

/// Where the shim is loaded: its ELF header.
pub fn own_base() -> usize {
    own_address!("__ehdr_start")
}

/// The shim's variables that are zero at first: they stay writable.
pub fn own_zeroes() -> core::ops::Range<usize> {
    own_address!("__bss_start")..own_address!("_end")
}

/// `_r_debug` of the dynamic linker, or null where nobody defines it.
pub fn debug_state() -> *const RDebug {
    weak_reference!("_r_debug")
}

/// dlvsym(3), or null: before glibc 2.34 it is in libdl.
pub fn dlvsym() -> *mut core::ffi::c_void {
    weak_reference!("dlvsym")
}

/// pthread_create(3): goes on where `threads` says.
// SAFETY: naked: the jump leaves everything as it was at entry.
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
        "jmp qword ptr [rip + {create}]",
        ".cfi_endproc",
        create = sym threads::CREATE,
    )
}

/// The start routine that the libc is given: `rdi` holds the hand-over slot.
///
/// The hook answers the user's routine in rax and its argument in rdx; then
/// this frame is gone and the user's routine runs as if the libc had called it:
/// `pthread_exit` and cancellation unwind through no frame of ours.
// SAFETY: naked: rsp is 8 modulo 16 at entry, 0 at the call, and as at entry at
// the jump; only caller-saved registers are changed.
#[unsafe(naked)]
pub unsafe extern "C" fn thread_start(slot: *mut core::ffi::c_void) -> *mut core::ffi::c_void {
    naked_asm!(
        ".cfi_startproc",
        "endbr64",
        "sub rsp, 8",
        ".cfi_adjust_cfa_offset 8",
        "call {hook}",
        "add rsp, 8",
        ".cfi_adjust_cfa_offset -8",
        "mov rdi, rdx",
        "jmp rax",
        ".cfi_endproc",
        hook = sym threads::begin,
    )
}

/// As [`thread_start`], for the notification functions of SIGEV_THREAD: `rdi`
/// holds a slot that stays, because a timer may expire again.
// SAFETY: naked: as `thread_start`.
#[unsafe(naked)]
pub unsafe extern "C" fn notification_start(
    slot: *mut core::ffi::c_void,
) -> *mut core::ffi::c_void {
    naked_asm!(
        ".cfi_startproc",
        "endbr64",
        "sub rsp, 8",
        ".cfi_adjust_cfa_offset 8",
        "call {hook}",
        "add rsp, 8",
        ".cfi_adjust_cfa_offset -8",
        "mov rdi, rdx",
        "jmp rax",
        ".cfi_endproc",
        hook = sym notify::begin,
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
        hook = sym lookup::answer,
        libc = sym lookup::DLSYM,
    )
}

/// Where the dynamic linker has bound the names of `names::area`: to the
/// executable's copies, to ours, or to whoever comes before us.
pub struct Bound {
    /// `__rseq_offset`
    pub offset: *mut isize,
    /// `__rseq_size`
    pub size: *mut u32,
    /// `__rseq_flags`
    pub flags: *mut u32,
    /// `__rseq_handled`
    pub handled: *mut core::ffi::c_int,
}

/// Reads the global offset table, which the compiler would not do for variables
/// that it knows to be defined here.
pub fn bound_names() -> Bound {
    let (offset, size, flags, handled);
    // SAFETY: loads of our own relocated slots.
    unsafe {
        asm!(
            "mov {}, qword ptr [rip + __rseq_offset@GOTPCREL]",
            "mov {}, qword ptr [rip + __rseq_size@GOTPCREL]",
            "mov {}, qword ptr [rip + __rseq_flags@GOTPCREL]",
            "mov {}, qword ptr [rip + __rseq_handled@GOTPCREL]",
            out(reg) offset,
            out(reg) size,
            out(reg) flags,
            out(reg) handled,
            options(pure, readonly, nostack, preserves_flags),
        );
    }
    Bound {
        offset,
        size,
        flags,
        handled,
    }
}

/// `long syscall(long number, ...)`: SYS_rseq (334) goes to the shim, all else
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
        "cmp rdi, 334",
        "je 2f",
        "jmp qword ptr [rip + {libc}]",
        "2:",
        "mov rdi, rsi",
        "mov rsi, rdx",
        "mov rdx, rcx",
        "mov rcx, r8",
        "jmp {hook}",
        ".cfi_endproc",
        libc = sym syscalls::SYSCALL,
        hook = sym syscalls::client_rseq,
    )
}

/// `void *dlopen(const char *file, int mode)`: jumps to the dynamic linker's,
/// which sees its caller's return address. Where the policy asks for more,
/// `loading::before_dlopen` looks at the call, which is stored at the stack's top
/// as a `loading::Call`; where that wants to come back the function is called from
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
        dlopen = sym loading::next::DLOPEN,
        before = sym loading::before_dlopen,
        after = sym loading::after_dlopen,
    )
}

/// [`dlopen`] before the dynamic linker's is known: looks for it, and goes on
/// there.
// SAFETY: naked: as `dlopen`.
#[unsafe(naked)]
pub unsafe extern "C" fn late_dlopen(
    file: *const core::ffi::c_char,
    mode: core::ffi::c_int,
) -> *mut core::ffi::c_void {
    naked_asm!(
        ".cfi_startproc",
        "endbr64",
        "sub rsp, 24",
        ".cfi_adjust_cfa_offset 24",
        "mov qword ptr [rsp], rdi",
        "mov qword ptr [rsp + 8], rsi",
        "call {find}",
        "mov rdi, qword ptr [rsp]",
        "mov esi, dword ptr [rsp + 8]",
        "add rsp, 24",
        ".cfi_adjust_cfa_offset -24",
        "jmp rax",
        ".cfi_endproc",
        find = sym loading::next::find_dlopen,
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
        "jmp rax",
        ".cfi_endproc",
        hook = sym loading::before_dlclose,
    )
}
