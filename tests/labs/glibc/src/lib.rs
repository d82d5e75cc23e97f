//! A glibc with the patches of `patches-glibc/`: fetched, patched, built, tested
//! by its own tests, and kept, so that programs can be run on it.

#![forbid(unsafe_code)]

pub mod build;
pub mod cross;
pub mod guest;
pub mod link;
pub mod lint;
mod needs;
pub mod own_tests;
mod patched;
mod recipe;
mod recorded;
pub mod series;
pub mod three_owners;
mod tree;

pub use needs::{built_for_aarch64, need, source};
pub use patched::Patched;
