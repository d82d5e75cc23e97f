//! The registry of rules, and the findings that they make.
//!
//! A rule's name is stable: reports, baselines and `explain` refer to it. In
//! code it goes by its [`RuleId`]. What one object shows is checked by
//! [`check`]; what only a whole program shows, by [`Definers`] and
//! [`dlopened_definer`]; what a process, a load or the host shows, by whoever
//! looks at these, with the rules of this registry.

mod checks;
mod finding;
pub mod host;
mod id;
mod list;
pub mod load;
mod message;
pub mod object;
pub mod process;
pub mod program;
mod registry;
mod rule;

pub use finding::Finding;
pub use id::RuleId;
pub use message::Detail;
pub use program::{Definers, dlopened_definer};
pub use registry::{RULES, check, find, of_hosts, of_programs};
pub use rule::{Level, Rule, Subject};
