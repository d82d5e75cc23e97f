//! What the labs share.
//!
//! A lab runs real programs without the shim and with it and compares. Each
//! question is a [`Row`]; a [`judge`] says whether what was seen is right, and the
//! lab prints a table. See `docs/labs.md`.

#![forbid(unsafe_code)]

pub mod alone;
pub mod build;
pub mod cli;
pub mod files;
pub mod host;
pub mod judge;
pub mod need;
pub mod row;
pub mod table;
pub mod told;
pub mod world;

pub use judge::{Seen, Verdict};
pub use need::Need;
pub use row::{Case, Row};
pub use world::World;
