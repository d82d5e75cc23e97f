//! One `rseqctl run` above, a launcher, and a program below it: what `rseqctl ps` says of
//! the program and of everything around it.

#![forbid(unsafe_code)]

pub mod cell;
pub mod launcher;
pub mod program;
pub mod seen;

pub use cell::{Cell, look};
pub use launcher::{LAUNCHERS, Launcher};
pub use program::Subject;
