//! The library behind the `rseqctl` command: `commands` over the rooms [`audit`],
//! [`launch`], [`process`] and [`host`], of which none knows another, over what
//! they share.

pub mod audit;
pub mod cli;
pub mod commands;
pub mod exit;
pub mod host;
pub mod kernel;
pub mod launch;
pub mod process;
pub mod program;
pub mod report;
mod sys;
mod tunables;
