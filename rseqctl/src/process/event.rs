//! What an inspection of processes reports.

use super::row::Row;
use super::tally::Tally;

/// One thing that an inspection of processes reports.
pub type Event<'a> = crate::report::Event<'a, Row, UnusedProcess<'a>, Tally>;

/// A process that was named and could not be inspected.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct UnusedProcess<'a> {
    /// Its id.
    pub pid: u32,
    /// What is wrong with it.
    pub problem: &'a str,
}
