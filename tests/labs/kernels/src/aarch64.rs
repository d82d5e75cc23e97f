//! The shim on AArch64.

use std::path::PathBuf;

use crate::guest::{Guest, Machine};
use crate::shim;

pub use crate::shim::{Code, Shipped};

/// A machine with the C library, the shim and the programs of its tests.
///
/// # Errors
///
/// As [`shim::guest`].
pub fn guest() -> Result<Guest, String> {
    shim::guest(Machine::Aarch64, Code::Plain)
}

/// The folder with what is shipped.
///
/// # Errors
///
/// As [`shim::shipped`].
pub fn shipped(what: Shipped) -> Result<PathBuf, String> {
    shim::shipped(Machine::Aarch64, what)
}
