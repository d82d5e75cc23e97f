//! Everything unsafe of the command: system calls that std does not offer.
//!
//! # Safety
//!
//! Each module offers safe functions; pointers handed to the kernel point to
//! live variables of the right type, and code between fork and exec calls only
//! async-signal-safe functions.
#![allow(unsafe_code, reason = "the one place of this crate for it")]

pub mod dynamic;
pub mod process;
mod signals;
pub mod thread;
