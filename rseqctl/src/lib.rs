//! The library behind the `rseqctl` command: one module per subcommand, and
//! what they share.

pub mod audit;
pub mod cli;
mod complain;
pub mod demo;
pub mod doctor;
pub mod exit;
pub mod explain;
pub mod host;
pub mod program;
pub mod ps;
pub mod run;
pub mod source;
mod sys;
mod wrap;
