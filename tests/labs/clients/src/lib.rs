//! Real users of rseq, and real readers of what the command prints: fetched or
//! built once and kept.

#![forbid(unsafe_code)]

pub mod duckdb;
pub mod envoy;
pub mod hyper;
mod pypi;
pub mod sarif;
pub mod selftests;
pub mod tcmalloc;
pub mod workerd;
