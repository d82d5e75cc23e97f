//! Other kernels: a machine for each ([`guest`]), and what was asked where
//! ([`matrix`]).

#![forbid(unsafe_code)]

pub mod aarch64;
pub mod adopters;
pub mod asked;
pub mod clients;
pub mod command;
pub mod guest;
pub mod matrix;
pub mod programs;
pub mod question;
pub mod shim;
pub mod stepper;
pub mod unwinding;
