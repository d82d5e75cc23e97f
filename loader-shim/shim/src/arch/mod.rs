//! What differs per instruction set: the same names in each file.
//!
//! | name | what it does |
//! |---|---|
//! | `syscall6`, `syscall4` | enter the kernel; return the result or a negative errno |
//! | `thread_pointer` | the address that TLS offsets are relative to |
//! | `abi_area` | the calling thread's `__rseq_abi`, through initial-exec TLS |
//! | `has_room`, `room` | the calling thread's words in `librseq_abi.so` |
//! | `storage_slots` | where their offsets from the thread pointer stand |
//! | `debug_state` | `_r_debug`: the dynamic linker's list of objects |
//! | `dlvsym` | a function of the libc that the shim does not interpose |
//! | `weak_reference!` | the address of a name, or null where nobody defines it |
//! | `resolve` | where an indirect function leads |
//! | `GLOB_DAT`, `FIRST_VERSION` | numbers and names of the psABI and of glibc |
//! | `own_base`, `own_zeroes` | where the shim itself is |
//! | `bound_names` | where the dynamic linker has bound `__rseq_offset` and its siblings |
//! | `start_routine!` | defines first code of a thread: hook, then tail jump to the user's routine |
//! | `late_function!` | defines a function that is looked for when it is called |
//!
//! Each also has a module with the functions of `<string.h>` that compiled code
//! calls, for the shim alone.

#[cfg(target_arch = "aarch64")]
mod aarch64;
#[cfg(target_arch = "aarch64")]
pub use aarch64::*;
#[cfg(target_arch = "x86_64")]
mod x86_64;
#[cfg(target_arch = "x86_64")]
pub use x86_64::*;

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
compile_error!("librseq_shim.so is written for x86_64 and aarch64 so far");
