//! What an inspection of processes reports.

use std::fmt;

use super::row::Row;
use super::tally::Tally;

/// One thing that an inspection of processes reports.
pub type Event<'a> = crate::report::Event<'a, Row, UnusedProcess<'a>, Tally>;

/// Something that was named and could not be inspected.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct UnusedProcess<'a> {
    /// What was named.
    pub asked: Asked<'a>,
    /// What is wrong with it.
    pub problem: &'a str,
}

/// What was named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Asked<'a> {
    /// A process, by its id.
    Pid(u32),
    /// Processes, by their name.
    Name(&'a str),
    /// Processes, by their unit, control group or user.
    Choice,
}

impl fmt::Display for Asked<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pid(pid) => write!(f, "process {pid}"),
            Self::Name(name) => f.write_str(name),
            Self::Choice => f.write_str("ps"),
        }
    }
}
