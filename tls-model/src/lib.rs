//! What an ELF object says about restartable sequences (rseq) and thread-local
//! storage, the rseq ABI itself, and the rules over both.
//!
//! Facts flow one way: bytes -> [`elf`] -> [`facts`] -> [`report`] -> [`rules`]
//! and [`owner`].
//! Nothing here allocates, and nothing here needs `std`: the preload shim runs
//! the same code inside other people's processes, before `main`.

#![no_std]
#![forbid(unsafe_code)]

pub mod archive;
pub mod critical;
pub mod elf;
pub mod facts;
pub mod loading;
pub mod owner;
pub mod protocol;
pub mod report;
pub mod rseq;
pub mod rules;
pub mod static_tls;

/// The examples of the page that crates.io shows.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
