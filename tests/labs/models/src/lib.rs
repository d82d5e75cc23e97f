//! Every order of steps that the shim's lock-free parts allow.
//!
//! The tests compile the shim's own sources, unchanged, against other atomics: the
//! shim takes its atomics from `crate::atomic` and its memory from `crate::kernel`, and
//! each test has modules of those names.
//!
//! | test | source | what is tried |
//! |---|---|---|
//! | `slab` | `slab.rs` | every order of two threads' steps ([`orders`]) |
//! | `kept` | `kept.rs` | likewise |
//! | `environment` | `environment.rs`, `text.rs` | every variable and what is said about it, with a kernel that takes a few bytes at a time |
//! | `nesting` | `registration/nesting.rs` | a signal handler before every step, and one on top of it ([`signals`]) |

#![deny(unsafe_code)]

mod choices;
pub mod kernel;
pub mod orders;
pub mod signals;
