//! AArch64.
//!
//! # Safety
//!
//! What this module owes: a critical section writes to nothing before its last
//! instruction but the area's own pointer to it, and takes that away when it is over.

#![allow(unsafe_code, reason = "assembly")]

use core::arch::asm;
use core::ffi::c_void;

use super::{Outcome, outcome, popped};

pub const SYS_RSEQ: usize = 293;
pub const SYS_GETCPU: usize = 168;
pub const SIGNATURE: u32 = 0xd428_bc00;

/// Enters the kernel.
///
/// # Safety
///
/// As the system call itself.
pub unsafe fn syscall(number: usize, arguments: [usize; 4]) -> isize {
    let result: isize;
    let [first, second, third, fourth] = arguments;
    // SAFETY: the kernel's convention; the caller answers for the effect.
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

/// Returns what TLS offsets count from.
#[inline]
pub fn thread_pointer() -> usize {
    let pointer: usize;
    // SAFETY: a register that user space may read.
    unsafe {
        asm!("mrs {}, tpidr_el0", out(reg) pointer,
            options(pure, nomem, nostack, preserves_flags));
    }
    pointer
}

/// Returns where `__rseq_abi` is from the thread pointer. A weak reference to a thread-local
/// variable has no null, but linkers make the same of every such name that nobody
/// defines: so it is compared with one that nobody ever defines.
#[inline]
pub fn symbol_offset() -> Option<usize> {
    let (offset, nobody): (usize, usize);
    // SAFETY: initial-exec: slots that the dynamic linker has filled, or constants.
    unsafe {
        asm!(
            ".weak __rseq_abi",
            ".weak __rseq_abi_nobody",
            "adrp {offset}, :gottprel:__rseq_abi",
            "ldr {offset}, [{offset}, :gottprel_lo12:__rseq_abi]",
            "adrp {nobody}, :gottprel:__rseq_abi_nobody",
            "ldr {nobody}, [{nobody}, :gottprel_lo12:__rseq_abi_nobody]",
            offset = out(reg) offset,
            nobody = out(reg) nobody,
            options(pure, nomem, nostack, preserves_flags),
        );
    }
    (offset != nobody).then_some(offset)
}

/// The address of a name, or null where nobody defines it.
macro_rules! weak_address {
    ($name:literal) => {{
        let address: *mut c_void;
        // SAFETY: a weak reference through the GOT: a load of a slot of our own.
        unsafe {
            core::arch::asm!(
                concat!(".weak ", $name),
                concat!("adrp {address}, :got:", $name),
                concat!("ldr {address}, [{address}, :got_lo12:", $name, "]"),
                address = out(reg) address,
                options(pure, nomem, nostack, preserves_flags),
            );
        }
        address
    }};
}

pub(super) use weak_address;

/// A critical section: its descriptor, its entry, `$body` with its last instruction the
/// one that commits, and its abort handler. Leaves 1 in `{done}` if it has committed.
/// `$body` may leave for label 5 early.
macro_rules! section {
    ($($body:literal),+ ; $($operands:tt)*) => {
        asm!(
            ".pushsection __rseq_cs, \"aw\", @progbits",
            ".balign 32",
            "77:",
            ".word 0, 0",
            ".quad 2f, 3f - 2f, 4f",
            ".popsection",
            ".pushsection __rseq_cs_ptr_array, \"aw\", @progbits",
            ".quad 77b",
            ".popsection",
            "adrp {done}, 77b",
            "add {done}, {done}, :lo12:77b",
            "str {done}, [{area}, 8]",
            "2:",
            "ldr {done:w}, [{area}, 4]",
            "cmp {done:w}, {cpu:w}",
            "b.ne 5f",
            $($body,)+
            "3:",
            "mov {done}, 1",
            "b 6f",
            ".inst 0xd428bc00",
            "4:",
            "5:",
            "mov {done}, 0",
            "6:",
            // whoever unloads this code must not leave a pointer to the descriptor
            "str xzr, [{area}, 8]",
            $($operands)*
        )
    };
}

/// Adds to a number, if the thread still is on `cpu`.
///
/// # Safety
///
/// `area` is registered for the calling thread; nobody else writes to the number, but by
/// this function on the same CPU.
#[inline]
pub unsafe fn add(area: usize, cpu: u32, number: *mut u64, amount: u64) -> Outcome {
    let done: u64;
    // SAFETY: the caller's promise; one store, the last instruction.
    unsafe {
        section!(
            "ldr {sum}, [{number}]",
            "add {sum}, {sum}, {amount}",
            "str {sum}, [{number}]";
            area = in(reg) area,
            cpu = in(reg) cpu,
            number = in(reg) number,
            amount = in(reg) amount,
            sum = out(reg) _,
            done = out(reg) done,
            options(nostack),
        );
    }
    outcome(done)
}

/// Puts a node, whose first word is its link, in front of a list.
///
/// # Safety
///
/// As [`add`], of the list's head; the node is nobody else's.
#[inline]
pub unsafe fn push(area: usize, cpu: u32, head: *mut *mut c_void, node: *mut c_void) -> Outcome {
    let done: u64;
    // SAFETY: the caller's promise; the node's link is written before, which nobody
    // reads yet.
    unsafe {
        section!(
            "ldr {first}, [{head}]",
            "str {first}, [{node}]",
            "str {node}, [{head}]";
            area = in(reg) area,
            cpu = in(reg) cpu,
            head = in(reg) head,
            node = in(reg) node,
            first = out(reg) _,
            done = out(reg) done,
            options(nostack),
        );
    }
    outcome(done)
}

/// Takes the first node off a list; null where there is none.
///
/// # Safety
///
/// As [`add`], of the list's head; nodes that have been in the list stay readable.
#[inline]
pub unsafe fn pop(area: usize, cpu: u32, head: *mut *mut c_void) -> (Outcome, *mut c_void) {
    let done: u64;
    let node: *mut c_void;
    // SAFETY: the caller's promise; one store, the last instruction. An empty list is
    // left for label 5, with null for node.
    unsafe {
        section!(
            "ldr {node}, [{head}]",
            "cbz {node}, 5f",
            "ldr {next}, [{node}]",
            "str {next}, [{head}]";
            area = in(reg) area,
            cpu = in(reg) cpu,
            head = in(reg) head,
            node = inout(reg) 1usize => node,
            next = out(reg) _,
            done = out(reg) done,
            options(nostack),
        );
    }
    (popped(done, node), node)
}
