//! The interposed functions that are assembly: the same names for each instruction
//! set. They ask a hook and then jump to the libc's function, which so sees its
//! caller's return address.
//!
//! | name | what it does |
//! |---|---|
//! | `pthread_create` | jumps to where `threads` says |
//! | `timer_create` | a hook, with the return address |
//! | `sched_getcpu` | answers from `__rseq_abi`, or jumps to what answers instead |
//! | `dlsym` | answers a few names, tail-jumps to the libc with the rest |
//! | `syscall` | sorts SYS_rseq out, tail-jumps to the libc with the rest |
//! | `dlopen`, `dlclose` | a hook, then tail-jumps to the libc |

#[cfg(target_arch = "aarch64")]
mod aarch64;
#[cfg(target_arch = "s390x")]
mod s390x;
#[cfg(target_arch = "x86_64")]
mod x86_64;
