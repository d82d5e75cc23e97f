//! The atomics of the modules whose order of steps is tried in a model
//! (`tests/labs/models`), which compiles their sources against its own.

pub use core::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, Ordering};
