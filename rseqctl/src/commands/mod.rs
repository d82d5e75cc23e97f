//! The subcommands: what each does with its arguments.

pub mod audit;
pub mod demo;
pub mod doctor;
pub mod explain;
pub mod ps;
pub mod run;
