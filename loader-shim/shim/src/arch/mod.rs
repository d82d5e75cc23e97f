//! What differs per instruction set: the same names in each file; and here, once, what
//! is made of them.
//!
//! | name | what it does |
//! |---|---|
//! | `syscall6`, `syscall4` | enter the kernel; return the result or a negative errno |
//! | `thread_pointer` | the address that TLS offsets are relative to |
//! | `offset_of_area` | that of `__rseq_abi` from the thread pointer (initial-exec TLS) |
//! | `offset_of_room` | that of the words of each thread in `librseq_abi.so` |
//! | `weak_reference!` | the address of a name, or null where nobody defines it |
//! | `set_capabilities` | notes what the kernel says of the processor |
//! | `by_atomics!` | defines a function by one that changes memory, for the processor that there is |
//! | `resolve` | where an indirect function leads |
//! | `GLOB_DAT`, `THREAD_OFFSET`, `HashEntry`, `FIRST_VERSION`, `TIMER_BY_INT` | numbers, types and names of the psABI and of glibc |
//! | `IS_TLS_ABOVE` | whether static TLS lies above the thread pointer |
//! | `MAPS_BY_BLOCK` | whether mmap(2) takes the address of its arguments |
//! | `own_address!` | an address of the shim itself |
//! | `bound_name!` | where the dynamic linker has bound a name of `__rseq_offset` and its siblings |
//! | `start_routine!` | defines first code of a thread: hook, then tail jump to the user's routine |
//! | `late_function!` | defines a function that is looked for when it is called |
//!
//! Each also has a module with the functions of `<string.h>` that compiled code
//! calls, for the shim alone.
//!
//! # Safety
//!
//! What this module owes: the names that its macros are given are those of linkers, of
//! glibc and of the dynamic linker.

#![allow(
    unsafe_code,
    reason = "macros of the architectures read slots of our own"
)]

use core::ffi::c_void;
use core::ops::Range;
use core::ptr::{with_exposed_provenance, with_exposed_provenance_mut};

use tls_model::rseq::Rseq;

#[cfg(target_arch = "aarch64")]
mod aarch64;
#[cfg(target_arch = "aarch64")]
pub use aarch64::*;
#[cfg(target_arch = "s390x")]
mod s390x;
#[cfg(target_arch = "s390x")]
pub use s390x::*;
#[cfg(target_arch = "x86_64")]
mod x86_64;
#[cfg(target_arch = "x86_64")]
pub use x86_64::*;

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "s390x")))]
compile_error!("librseq_shim.so is written for x86_64, aarch64 and s390x so far");

/// Defines a function that does what another does: every processor changes memory by
/// the same instructions.
#[cfg(not(target_arch = "aarch64"))]
macro_rules! by_atomics {
    (
        $(#[$attribute:meta])*
        pub unsafe extern "C" fn $name:ident(
            $($argument:ident: $type:ty),* $(,)?
        ) -> $result:ty = $inner:path;
    ) => {
        $(#[$attribute])*
        pub unsafe extern "C" fn $name($($argument: $type),*) -> $result {
            // SAFETY: the caller's promise.
            unsafe { $inner($($argument),*) }
        }
    };
}

#[cfg(not(target_arch = "aarch64"))]
pub(crate) use by_atomics;

/// Returns the calling thread's copy of the `__rseq_abi` that wins in the global scope.
pub fn abi_area() -> *mut Rseq {
    with_exposed_provenance_mut(thread_pointer().wrapping_add(offset_of_area()))
}

/// Returns the calling thread's words in `librseq_abi.so`: 16 bytes, zero at first, aligned to
/// 8. Not to be used where [`has_room`] says no.
pub fn room() -> *const c_void {
    with_exposed_provenance(thread_pointer().wrapping_add(offset_of_room()))
}

/// Returns whether there is room for words of each thread: not where another library of the
/// name of `librseq_abi.so` has come first.
pub fn has_room() -> bool {
    offset_of_room() != 0
}

/// Returns where the shim is loaded: its ELF header.
pub fn own_base() -> usize {
    own_address!("__ehdr_start")
}

/// Returns the shim's variables that are zero at first: they stay writable.
pub fn own_zeroes() -> Range<usize> {
    own_address!("__bss_start")..own_address!("_end")
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
    Bound {
        offset: bound_name!("__rseq_offset"),
        size: bound_name!("__rseq_size"),
        flags: bound_name!("__rseq_flags"),
        handled: bound_name!("__rseq_handled"),
    }
}

/// Returns `_r_debug` of the dynamic linker, or null where nobody defines it.
pub fn debug_state() -> *const c_void {
    weak_reference!("_r_debug")
}

/// Returns the libc's `environ`, or null.
pub fn environment() -> *const c_void {
    weak_reference!("__environ")
}

/// Returns dlvsym(3), or null: before glibc 2.34 it is in libdl.
pub fn dlvsym() -> *mut c_void {
    weak_reference!("dlvsym")
}
