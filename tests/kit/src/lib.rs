//! What the cross-crate tests share.
//!
//! The programs under test are seen from outside only: their files, their
//! system calls, their output. See `tests/README.md` for how to add a case.
//!
//! Unsafe code has one address, [`sys`]; everything else is safe.

#![deny(unsafe_code)]

pub use inventory;
pub use rseq_kit_macros::test;

pub mod artifacts;
pub mod bare;
pub mod borrow;
pub mod cache;
pub mod child;
pub mod compile;
pub mod container;
pub mod debian;
pub mod executable;
pub mod fixture;
pub mod folder;
pub mod foreign;
pub mod golden;
pub mod machine;
pub mod needs;
pub mod patience;
pub mod races;
pub mod release;
pub mod runner;
pub mod scratch;
pub mod seen;
pub mod sys;
pub mod trace;
pub mod versions;
pub mod world;
