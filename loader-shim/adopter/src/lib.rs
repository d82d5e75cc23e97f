//! Restartable sequences that share one area per thread.
//!
//! A thread has one registration with the kernel, and everybody in its process shares
//! it. Whoever has made it (glibc 2.35 and later, a preloaded owner, the program), this
//! crate finds it and relies on it: [`current_cpu`], [`current_node`] and [`mm_cid`] are
//! loads, and what is in [`percpu`] is committed by the kernel's critical sections,
//! without an atomic read-modify-write.
//!
//! Where nobody has registered the thread, everything still works: the CPU is asked of
//! the kernel, and what is per CPU falls back to what all share.
//! [`register_current_thread`] registers it, where there is an `__rseq_abi` to register:
//! one that the program exports or is linked with, or the one of the feature `define`.
//!
//! ```
//! use rseq_abi::percpu::Counter;
//!
//! static REQUESTS: Counter<64> = Counter::new();
//!
//! let _registration = rseq_abi::register_current_thread();
//! REQUESTS.add(1);
//! assert_eq!(REQUESTS.sum(), 1);
//! ```

#![no_std]
#![deny(unsafe_code)]

mod arch;
mod area;
mod kernel;
pub mod percpu;
mod registration;

pub use area::{Area, current_cpu, current_node, is_registered, mm_cid};
pub use registration::{NotRegistered, Registration, register_current_thread};

/// The examples of the page that crates.io shows.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
