//! Everything unsafe of the command: system calls that neither std nor rustix
//! offers, and the one critical section (`section`, assembly).
//!
//! Each module offers safe functions, opens `unsafe_code` for itself, and says in
//! its Safety section what it owes.

pub mod area;
pub mod child;
pub mod cpu;
pub mod descriptors;
pub mod detached;
pub mod dynamic;
pub mod ending;
pub mod heap;
pub mod machine;
mod pointer;
pub mod process;
pub mod processor;
pub mod rseq;
pub mod section;
pub(crate) mod signals;
pub mod terminal;
pub mod thread;
pub mod tracer;
pub mod trigger;
pub(crate) mod user;
