//! The library behind the `rseqctl` command.
//!
//! The command reads its arguments in [`cli`] and does what they ask for in
//! [`commands`], over five parts of which none knows another:
//!
//! - [`audit`] says what files do with rseq;
//! - [`launch`] decides who owns the registration of a program, and starts it;
//! - [`process`] says who owns it in processes that run;
//! - [`host`] says what this host does with rseq;
//! - [`install`] puts the shim into every program of a host, and takes it out again.
//!
//! They share [`program`] (a program and the libraries that it starts with),
//! [`kernel`] (what this kernel does, by trying it) and [`report`].

#![deny(unsafe_code)]

pub mod audit;
pub mod cli;
pub mod commands;
mod error;
pub mod exit;
pub mod host;
pub mod install;
pub mod kernel;
pub mod launch;
pub mod process;
pub mod program;
pub mod report;
mod sys;
mod tunables;

pub use error::Error;
