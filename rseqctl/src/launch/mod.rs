//! Decides who owns the registration before a command starts, while
//! `GLIBC_TUNABLES` can still be set, and starts it that way.
//!
//! [`Start::decide`] finds the command and decides; [`Start::plan`] says what
//! would be set; [`Start::run`] starts it.
//!
//! Without a report it execs: nothing stays between the caller and the command.
//! Where the decision changes something, a detached process looks for a moment
//! whether it holds ([`Verification`]). With a report it stays as
//! the parent, passes signals on, and tells at the end what the shim has counted.

mod decision;
mod environment;
mod error;
mod hazard;
mod launcher;
mod ledger_verdict;
mod manner;
mod plan;
mod report;
mod scope;
mod start;
mod supervisor;
mod surplus;
mod target;
mod verify;

pub use decision::Decision;
pub use environment::CannotPreload;
pub use error::{Error, NoObject};
pub use hazard::{Hazard, Kernel};
pub use manner::{Manner, Verification, Watch};
pub use plan::Plan;
pub use report::FinalReport;
pub use start::{Settings, Start, foresee, locate};
pub use surplus::Need;
