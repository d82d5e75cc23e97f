//! A glibc with the patches of `patches-glibc/`: fetched, patched, built, tested
//! by its own tests, and kept, so that programs can be run on it.

#![forbid(unsafe_code)]

pub mod build;
pub mod cross;
pub mod link;
pub mod lint;
mod needs;
pub mod own_tests;
mod patched;
mod recipe;
pub mod series;
pub mod three_owners;
mod tree;

pub use needs::{need, source};
pub use patched::Patched;
