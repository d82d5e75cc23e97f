//! Names of the libc whose answer only the owner of the area knows.

pub mod area;
pub mod cpu;
pub mod lookup;
