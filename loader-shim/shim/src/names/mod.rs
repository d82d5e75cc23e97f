//! Libc names that have an answer only the owner of the area knows.

pub mod area;
pub mod cpu;
pub mod lookup;
