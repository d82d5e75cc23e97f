//! Everything unsafe of the command: system calls that std does not offer, and
//! the one critical section (`section`, assembly).
//!
//! # Safety
//!
//! Each module offers safe functions; pointers handed to the kernel point to
//! live variables of the right type, and code between fork and exec calls only
//! async-signal-safe functions.
#![allow(unsafe_code, reason = "the one place of this crate for it")]

pub mod area;
pub mod child;
pub mod cpu;
pub mod descriptors;
pub mod detached;
pub mod dynamic;
pub mod heap;
pub mod machine;
pub mod process;
pub mod processor;
pub mod rseq;
pub mod section;
pub(crate) mod signals;
pub mod terminal;
pub mod thread;
pub mod tracer;
pub mod trigger;
