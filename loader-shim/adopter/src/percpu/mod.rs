//! What each CPU has for itself, committed by critical sections.
//!
//! | type | what it is |
//! |---|---|
//! | [`Counter`] | a number that many threads add to, and few read |
//! | [`FreeList`] | nodes that are taken and given back |
//!
//! Threads that are not registered, and CPUs beyond the number of places, use what all
//! of them share.

mod counter;
mod list;

pub use counter::Counter;
pub use list::{FreeList, Node};
