//! The committed schemas are those of the types that make the reports, and what is
//! printed keeps to them.

mod audit;
mod committed;
mod doctor;
mod ps;
