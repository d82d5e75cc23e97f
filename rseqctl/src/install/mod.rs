//! The shim in every program of a host, or of what a systemd manager starts:
//! switched on, switched off, and said as it is.
//!
//! A copy of the shim goes to a place of its own, so that an upgrade or removal of
//! rseqctl leaves it alone ([`image`] says what differs in it, and why a damaged one
//! keeps no program from starting). One setting names it: a line in
//! `/etc/ld.so.preload`, or a drop-in with `DefaultEnvironment=` for a manager.
//! Each file is replaced in one step; the copy comes first and goes last.

mod error;
mod files;
mod image;
mod manager;
mod place;
mod preload;
mod state;
mod switch;

pub use error::Error;
pub use image::{Installed, Unfit};
pub use place::Scope;
pub use state::State;
pub use switch::{Done, disable, enable};
