//! AArch64 (AAPCS64).
//!
//! Every function begins with `hint #34` (`bti c`): a branch through a register may lead
//! there; processors without that feature do nothing. Tail jumps go through x16, from
//! which a branch may lead to such a place. A return address is still as the caller has
//! made it when a function begins, so nothing is signed here, and nothing has to be
//! stripped.
//!
//! # Safety
//!
//! What this module owes: every function keeps the calling convention it is
//! entered with, leaves the stack as it found it before a tail jump, and
//! touches no memory but the calling thread's own TLS and stack.

#![allow(unsafe_code, reason = "assembly")]

use core::arch::asm;
use core::ffi::CStr;

mod memory;
mod processor;

pub use processor::*;

/// `R_AARCH64_GLOB_DAT` (ELF for the Arm 64-bit architecture): a slot that holds a
/// symbol's address.
pub const GLOB_DAT: u32 = 1025;

/// `R_AARCH64_TLS_TPREL64`: a slot that holds a variable's offset from the thread pointer.
pub const THREAD_OFFSET: u32 = 1030;

/// Whether static TLS lies above the thread pointer: variant I of "ELF Handling For
/// Thread-Local Storage" rather than II.
pub const IS_TLS_ABOVE: bool = true;

/// An entry of DT_HASH.
pub type HashEntry = u32;

/// Whether mmap(2) takes the address of its arguments.
pub const MAPS_BY_BLOCK: bool = false;

/// The oldest version of the libc's names.
pub const FIRST_VERSION: &CStr = c"GLIBC_2.17";

/// The version of timer_create(2) whose timers are ints.
pub const TIMER_BY_INT: Option<&[u8]> = None;

/// Enters the kernel. Returns its result: an errno is negative.
///
/// # Safety
///
/// As the system call itself.
pub unsafe fn syscall6(number: usize, arguments: [usize; 6]) -> isize {
    let result: isize;
    let [first, second, third, fourth, fifth, sixth] = arguments;
    // SAFETY: the kernel's convention: arguments in these registers, no other changed,
    // the stack untouched. The caller answers for the effect.
    unsafe {
        asm!(
            "svc #0",
            in("x8") number,
            inlateout("x0") first.cast_signed() => result,
            in("x1") second, in("x2") third, in("x3") fourth,
            in("x4") fifth, in("x5") sixth,
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
            "svc #0",
            in("x8") number,
            inlateout("x0") first.cast_signed() => result,
            in("x1") second, in("x2") third, in("x3") fourth,
            options(nostack),
        );
    }
    result
}

/// Returns the thread pointer: TLS offsets, `__rseq_offset` among them, count from it.
pub fn thread_pointer() -> usize {
    let pointer: usize;
    // SAFETY: a register that user space may read, the same for as long as the thread
    // lives (`nomem`).
    unsafe {
        asm!(
            "mrs {}, tpidr_el0",
            out(reg) pointer,
            options(pure, nomem, nostack, preserves_flags),
        );
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
            "adrp {offset}, :gottprel:__rseq_abi",
            "ldr {offset}, [{offset}, :gottprel_lo12:__rseq_abi]",
            offset = out(reg) offset,
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
            "adrp {offset}, :gottprel:rseq_shim_thread",
            "ldr {offset}, [{offset}, :gottprel_lo12:rseq_shim_thread]",
            offset = out(reg) offset,
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
                concat!("adrp {address}, :got:", $name),
                concat!("ldr {address}, [{address}, :got_lo12:", $name, "]"),
                address = out(reg) address,
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
                concat!("adrp {address}, ", $name),
                concat!("add {address}, {address}, :lo12:", $name),
                address = out(reg) address,
                options(pure, nomem, nostack, preserves_flags),
            );
        }
        address
    }};
}

pub(crate) use own_address;

/// What the dynamic linker has bound a name to that the shim itself defines.
macro_rules! bound_name {
    ($name:literal) => {{
        let address;
        // SAFETY: a load of our own relocated slot.
        unsafe {
            core::arch::asm!(
                concat!("adrp {address}, :got:", $name),
                concat!("ldr {address}, [{address}, :got_lo12:", $name, "]"),
                address = out(reg) address,
                options(pure, readonly, nostack, preserves_flags),
            );
        }
        address
    }};
}

pub(crate) use bound_name;

/// Defines a start routine that calls a hook with its argument first. The hook returns
/// another routine in x0 and that one's argument in x1; then this frame is gone and
/// the routine runs as if the libc had called it: `pthread_exit` and cancellation
/// unwind through no frame of ours.
macro_rules! start_routine {
    ($(#[$attribute:meta])* $name:ident, $hook:path) => {
        $(#[$attribute])*
        // SAFETY: naked: sp is a multiple of 16 all the time, and as at entry at the jump;
        // only caller-saved registers are changed.
        #[unsafe(naked)]
        pub unsafe extern "C" fn $name(
            argument: *mut core::ffi::c_void,
        ) -> *mut core::ffi::c_void {
            core::arch::naked_asm!(
                ".cfi_startproc",
                "hint #34",
                "stp x29, x30, [sp, #-16]!",
                ".cfi_def_cfa_offset 16",
                ".cfi_offset 29, -16",
                ".cfi_offset 30, -8",
                "mov x29, sp",
                "bl {hook}",
                "ldp x29, x30, [sp], #16",
                ".cfi_restore 29",
                ".cfi_restore 30",
                ".cfi_def_cfa_offset 0",
                "mov x16, x0",
                "mov x0, x1",
                "br x16",
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
        // SAFETY: naked: sp is a multiple of 16 all the time, and as at entry at the jump;
        // the arguments' registers hold what they held at entry by then.
        #[unsafe(naked)]
        unsafe extern "C" fn $name() {
            core::arch::naked_asm!(
                ".cfi_startproc",
                "hint #34",
                "stp x29, x30, [sp, #-80]!",
                ".cfi_def_cfa_offset 80",
                ".cfi_offset 29, -80",
                ".cfi_offset 30, -72",
                "mov x29, sp",
                "stp x0, x1, [sp, #16]",
                "stp x2, x3, [sp, #32]",
                "stp x4, x5, [sp, #48]",
                "stp x6, x7, [sp, #64]",
                "bl {hook}",
                "mov x16, x0",
                "ldp x0, x1, [sp, #16]",
                "ldp x2, x3, [sp, #32]",
                "ldp x4, x5, [sp, #48]",
                "ldp x6, x7, [sp, #64]",
                "ldp x29, x30, [sp], #80",
                ".cfi_restore 29",
                ".cfi_restore 30",
                ".cfi_def_cfa_offset 0",
                "br x16",
                ".cfi_endproc",
                hook = sym $hook,
            )
        }
    };
}

pub(crate) use {late_function, start_routine};
