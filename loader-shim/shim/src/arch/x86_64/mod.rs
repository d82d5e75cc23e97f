//! x86_64 System V.
//!
//! # Safety
//!
//! What this module owes: every function keeps the calling convention it is
//! entered with, leaves the stack as it found it before a tail jump, and
//! touches no memory but the calling thread's own TLS and stack.

#![allow(unsafe_code, reason = "assembly")]

use core::arch::asm;
use core::ffi::{CStr, c_void};
use core::ptr::NonNull;

use crate::function::Function as _;

mod memory;

/// `R_X86_64_GLOB_DAT` (x86-64 psABI): a slot that holds a symbol's address.
pub const GLOB_DAT: u32 = 6;

/// `R_X86_64_TPOFF64`: a slot that holds a variable's offset from the thread pointer.
pub const THREAD_OFFSET: u32 = 18;

/// Whether static TLS lies above the thread pointer: variant I of "ELF Handling For
/// Thread-Local Storage" rather than II.
pub const IS_TLS_ABOVE: bool = false;

/// An entry of DT_HASH.
pub type HashEntry = u32;

/// Whether mmap(2) takes the address of its arguments.
pub const MAPS_BY_BLOCK: bool = false;

/// The oldest version of the libc's names.
pub const FIRST_VERSION: &CStr = c"GLIBC_2.2.5";

/// The version of timer_create(2) whose timers are ints.
pub const TIMER_BY_INT: Option<&[u8]> = Some(b"GLIBC_2.2.5");

/// Enters the kernel. Returns its result: an errno is negative.
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

/// Does the same for calls of four arguments or less: every new thread makes one.
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

/// Returns the thread pointer: TLS offsets, `__rseq_offset` among them, count from it.
pub fn thread_pointer() -> usize {
    let pointer: usize;
    // SAFETY: the psABI keeps the thread pointer's own value at %fs:0, where it
    // never changes: one read does for several (`nomem`).
    unsafe {
        asm!("mov {}, qword ptr fs:[0]", out(reg) pointer, options(pure, nomem, nostack, preserves_flags));
    }
    pointer
}

/// Returns the offset of the `__rseq_abi` that wins in the global scope from the thread
/// pointer.
pub fn offset_of_area() -> usize {
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
    offset
}

/// Returns the offset of the words of each thread from the thread pointer; 0 where nobody
/// defines them.
pub fn offset_of_room() -> usize {
    let offset: usize;
    // SAFETY: initial-exec, as in `offset_of_area`; a weak reference, for which the slot
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
            core::arch::asm!(
                concat!(".weak ", $name),
                concat!("mov {}, qword ptr [rip + ", $name, "@GOTPCREL]"),
                out(reg) address,
                options(pure, readonly, nostack, preserves_flags),
            );
        }
        address
    }};
}

pub(crate) use weak_reference;

/// An address that the static linker knows, of the shim itself.
macro_rules! own_address {
    ($name:literal) => {{
        let address: usize;
        // SAFETY: the address of a symbol that linkers define in every object; it is
        // hidden, so that nobody else's is found.
        unsafe {
            core::arch::asm!(
                concat!(".hidden ", $name),
                concat!("lea {}, [rip + ", $name, "]"),
                out(reg) address,
                options(pure, nomem, nostack, preserves_flags),
            );
        }
        address
    }};
}

pub(crate) use own_address;

/// Remembers nothing: no capability matters here.
pub fn set_capabilities(_: [usize; 2]) {}

/// Returns where an indirect function leads, as dlsym(3) does.
///
/// # Safety
///
/// `resolver` is one of a loaded and relocated object.
pub unsafe fn resolve(resolver: *mut c_void) -> Option<*mut c_void> {
    type Resolver = unsafe extern "C" fn() -> *mut c_void;

    // SAFETY: a resolver takes no arguments (psABI).
    let resolver = unsafe { Resolver::at(NonNull::new(resolver)?) };
    // SAFETY: the caller's promise.
    Some(unsafe { resolver() })
}

/// What the dynamic linker has bound a name to that the shim itself defines.
macro_rules! bound_name {
    ($name:literal) => {{
        let address;
        // SAFETY: a load of our own relocated slot.
        unsafe {
            core::arch::asm!(
                concat!("mov {address}, qword ptr [rip + ", $name, "@GOTPCREL]"),
                address = out(reg) address,
                options(pure, readonly, nostack, preserves_flags),
            );
        }
        address
    }};
}

pub(crate) use bound_name;

/// Defines a start routine that calls a hook with its argument first. The hook returns
/// another routine in rax and that one's argument in rdx; then this frame is gone and
/// the routine runs as if the libc had called it: `pthread_exit` and cancellation
/// unwind through no frame of ours.
macro_rules! start_routine {
    ($(#[$attribute:meta])* $name:ident, $hook:path) => {
        $(#[$attribute])*
        // SAFETY: naked: rsp is 8 modulo 16 at entry, 0 at the call, and as at entry at
        // the jump; only caller-saved registers are changed.
        #[unsafe(naked)]
        pub unsafe extern "C" fn $name(
            argument: *mut core::ffi::c_void,
        ) -> *mut core::ffi::c_void {
            core::arch::naked_asm!(
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
                hook = sym $hook,
            )
        }
    };
}

/// Defines a function that goes on with its arguments where a hook says: what another
/// function is before it has been found.
macro_rules! late_function {
    ($(#[$attribute:meta])* $name:ident, $hook:path) => {
        $(#[$attribute])*
        // SAFETY: naked: rsp is 8 modulo 16 at entry, 0 at the call, and as at entry at
        // the jump; the arguments' registers hold what they held at entry by then, and
        // so does rax, which has a meaning where arguments vary in number.
        #[unsafe(naked)]
        unsafe extern "C" fn $name() {
            core::arch::naked_asm!(
                ".cfi_startproc",
                "endbr64",
                "sub rsp, 56",
                ".cfi_adjust_cfa_offset 56",
                "mov qword ptr [rsp], rdi",
                "mov qword ptr [rsp + 8], rsi",
                "mov qword ptr [rsp + 16], rdx",
                "mov qword ptr [rsp + 24], rcx",
                "mov qword ptr [rsp + 32], r8",
                "mov qword ptr [rsp + 40], r9",
                "mov qword ptr [rsp + 48], rax",
                "call {hook}",
                "mov r11, rax",
                "mov rdi, qword ptr [rsp]",
                "mov rsi, qword ptr [rsp + 8]",
                "mov rdx, qword ptr [rsp + 16]",
                "mov rcx, qword ptr [rsp + 24]",
                "mov r8, qword ptr [rsp + 32]",
                "mov r9, qword ptr [rsp + 40]",
                "mov rax, qword ptr [rsp + 48]",
                "add rsp, 56",
                ".cfi_adjust_cfa_offset -56",
                "jmp r11",
                ".cfi_endproc",
                hook = sym $hook,
            )
        }
    };
}

pub(crate) use {late_function, start_routine};
