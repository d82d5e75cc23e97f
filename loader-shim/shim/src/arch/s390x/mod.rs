//! z/Architecture with 64 bits, big-endian (the ELF ABI of s390x).
//!
//! A caller leaves 160 bytes at the top of its stack for registers that the function it
//! calls may save, each at 8 times its number: at r15 + 160 is what it has to keep (the
//! CFA). Every register but r0 to r5 is kept; r14 holds the return address. Integers of
//! less than 64 bits are extended by whoever passes them. Tail jumps go through r1.
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
use core::sync::atomic::{AtomicUsize, Ordering};

use crate::function::Function as _;

mod memory;

/// `R_390_GLOB_DAT` (ELF ABI of s390x): a slot that holds a symbol's address.
pub const GLOB_DAT: u32 = 10;

/// `R_390_TLS_TPOFF`: a slot that holds a variable's offset from the thread pointer.
pub const THREAD_OFFSET: u32 = 56;

/// Whether static TLS lies above the thread pointer: variant I of "ELF Handling For
/// Thread-Local Storage" rather than II.
pub const IS_TLS_ABOVE: bool = false;

/// An entry of DT_HASH: of 64 bits, as on no other architecture here.
pub type HashEntry = u64;

/// The oldest version of the libc's names.
pub const FIRST_VERSION: &CStr = c"GLIBC_2.2";

/// The version of timer_create(2) whose timers are ints.
pub const TIMER_BY_INT: Option<&[u8]> = Some(b"GLIBC_2.2");

/// Whether mmap(2) takes the address of its arguments.
pub const MAPS_BY_BLOCK: bool = true;

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
            "svc 0",
            in("r1") number,
            inlateout("r2") first.cast_signed() => result,
            in("r3") second, in("r4") third, in("r5") fourth,
            in("r6") fifth, in("r7") sixth,
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
            "svc 0",
            in("r1") number,
            inlateout("r2") first.cast_signed() => result,
            in("r3") second, in("r4") third, in("r5") fourth,
            options(nostack),
        );
    }
    result
}

/// Returns the thread pointer: TLS offsets, `__rseq_offset` among them, count from it.
pub fn thread_pointer() -> usize {
    let pointer: usize;
    // SAFETY: the two halves of it are in the first two access registers, the same for as
    // long as the thread lives (`nomem`).
    unsafe {
        asm!(
            "ear {pointer}, %a0",
            "sllg {pointer}, {pointer}, 32",
            "ear {pointer}, %a1",
            pointer = out(reg) pointer,
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
            "lgrl {offset}, __rseq_abi@INDNTPOFF",
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
            "lgrl {offset}, rseq_shim_thread@INDNTPOFF",
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
                concat!("lgrl {address}, ", $name, "@GOTENT"),
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
                concat!("larl {address}, ", $name),
                address = out(reg) address,
                options(pure, nomem, nostack, preserves_flags),
            );
        }
        address
    }};
}

pub(crate) use own_address;

/// AT_HWCAP, once the kernel has said so.
static CAPABILITIES: AtomicUsize = AtomicUsize::new(0);

/// Remembers what the kernel says at the start (AT_HWCAP, and AT_HWCAP2, which has no use
/// here).
pub fn set_capabilities([first, _]: [usize; 2]) {
    CAPABILITIES.store(first, Ordering::Relaxed);
}

/// Returns where an indirect function leads, as dlsym(3) does.
///
/// # Safety
///
/// `resolver` is one of a loaded and relocated object.
pub unsafe fn resolve(resolver: *mut c_void) -> Option<*mut c_void> {
    type Resolver = unsafe extern "C" fn(usize) -> *mut c_void;

    // SAFETY: a resolver is told what the processor can do (glibc, dl-irel.h).
    let resolver = unsafe { Resolver::at(NonNull::new(resolver)?) };
    // SAFETY: the caller's promise.
    Some(unsafe { resolver(CAPABILITIES.load(Ordering::Relaxed)) })
}

/// What the dynamic linker has bound a name to that the shim itself defines.
macro_rules! bound_name {
    ($name:literal) => {{
        let address;
        // SAFETY: a load of our own relocated slot.
        unsafe {
            core::arch::asm!(
                concat!("lgrl {address}, ", $name, "@GOTENT"),
                address = out(reg) address,
                options(pure, readonly, nostack, preserves_flags),
            );
        }
        address
    }};
}

pub(crate) use bound_name;

/// Defines a start routine that calls a hook with its argument first. The hook returns
/// another routine and that one's argument, which is memory of this frame here; then this
/// frame is gone and the routine runs as if the libc had called it: `pthread_exit` and
/// cancellation unwind through no frame of ours.
macro_rules! start_routine {
    ($(#[$attribute:meta])* $name:ident, $hook:path) => {
        $(#[$attribute])*
        // SAFETY: naked: r15 is a multiple of 8 all the time, and as at entry at the jump;
        // only registers that callers save are changed.
        #[unsafe(naked)]
        pub unsafe extern "C" fn $name(
            argument: *mut core::ffi::c_void,
        ) -> *mut core::ffi::c_void {
            core::arch::naked_asm!(
                ".cfi_startproc",
                "stmg %r14, %r15, 112(%r15)",
                ".cfi_offset %r14, -48",
                ".cfi_offset %r15, -40",
                "aghi %r15, -176",
                ".cfi_def_cfa_offset 336",
                // a pair is returned where the first, hidden argument says
                "lgr %r3, %r2",
                "la %r2, 160(%r15)",
                "brasl %r14, {hook}",
                "lg %r1, 160(%r15)",
                "lg %r2, 168(%r15)",
                "lmg %r14, %r15, 288(%r15)",
                ".cfi_restore %r14",
                ".cfi_restore %r15",
                ".cfi_def_cfa_offset 160",
                "br %r1",
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
        // SAFETY: naked: r15 is a multiple of 8 all the time, and as at entry at the jump;
        // the arguments' registers hold what they held at entry by then: r2 to r5 from
        // where the caller has left room for them, and r6 because it is kept.
        #[unsafe(naked)]
        unsafe extern "C" fn $name() {
            core::arch::naked_asm!(
                ".cfi_startproc",
                "stmg %r2, %r5, 16(%r15)",
                "stmg %r14, %r15, 112(%r15)",
                ".cfi_offset %r14, -48",
                ".cfi_offset %r15, -40",
                "aghi %r15, -160",
                ".cfi_def_cfa_offset 320",
                "brasl %r14, {hook}",
                "lgr %r1, %r2",
                "lmg %r14, %r15, 272(%r15)",
                ".cfi_restore %r14",
                ".cfi_restore %r15",
                ".cfi_def_cfa_offset 160",
                "lmg %r2, %r5, 16(%r15)",
                "br %r1",
                ".cfi_endproc",
                hook = sym $hook,
            )
        }
    };
}

pub(crate) use {late_function, start_routine};
