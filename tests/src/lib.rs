//! What the cross-crate tests share.
//!
//! The programs under test are seen from outside only: their files, their
//! system calls, their output. See `tests/README.md` for how to add a case.
//!
//! Unsafe code has one address, [`sys`]; everything else is safe.

#![deny(unsafe_code)]

pub mod artifacts;
pub mod cache;
pub mod child;
pub mod conformance;
pub mod container;
pub mod debian;
pub mod duckdb;
pub mod fixture;
pub mod folder;
pub mod foreign;
pub mod golden;
pub mod guest;
pub mod matrix;
pub mod needs;
pub mod patched;
pub mod runner;
pub mod sarif;
pub mod scratch;
pub mod selftests;
// and nor has what happens between fork and exec
#[allow(unsafe_code, reason = "ptrace and seccomp have no safe interface")]
pub mod sys;
pub mod tcmalloc;
pub mod trace;
pub mod versions;
pub mod workerd;
pub mod world;
