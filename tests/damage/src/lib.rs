//! Damaged and hostile bytes, and the counting of what readers do with them.
//!
//! For tests only; several crates ask the same of their readers: that no
//! truncation and no changed byte makes them panic, read without end, or take
//! more memory than they say.

#![deny(unsafe_code)]

mod counted;
pub mod craft;
mod heap;
pub mod packed;
mod random;
pub mod seeds;
mod spoil;

pub use counted::Counted;
pub use heap::Heap;
pub use random::Random;
pub use spoil::{cuts_and_changes, many_changes, step};
